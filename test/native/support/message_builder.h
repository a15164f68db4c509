#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"

namespace unitscope::test {

/// Marshals D-Bus values in either byte order, and wrong ones on demand. Written from the specification, apart from the
/// code under test: the two share nothing but ByteOrder.
class Wire {
 public:
  explicit Wire(ByteOrder order = ByteOrder::kLittle) : order_(order) {}

  Wire& u8(unsigned value) { return bytes.push_back(static_cast<std::uint8_t>(value)), *this; }
  Wire& u16(std::uint16_t value) { return align(2).number(value, 2); }
  Wire& u32(std::uint64_t value) { return align(4).number(value, 4); }
  Wire& u64(std::uint64_t value) { return align(8).number(value, 8); }
  Wire& raw(std::string_view text) { return bytes.insert(bytes.end(), text.begin(), text.end()), *this; }
  Wire& str(std::string_view text) { return u32(text.size()).raw(text).u8(0); }
  Wire& sig(std::string_view text) { return u8(static_cast<unsigned>(text.size())).raw(text).u8(0); }
  Wire& align(std::size_t to, unsigned filler = 0) {
    while (bytes.size() % to != 0) u8(filler);
    return *this;
  }
  /// An array whose elements `fill` writes; its length is counted as the specification wants, without the first padding.
  Wire& array(std::size_t element_alignment, const std::function<void(Wire&)>& fill) {
    u32(0);
    const std::size_t at = bytes.size() - 4;
    align(element_alignment);
    const std::size_t start = bytes.size();
    fill(*this);
    patch(at, bytes.size() - start);
    return *this;
  }
  void patch(std::size_t at, std::size_t value) {
    for (std::size_t i = 0; i < 4; i++) {
      bytes[at + i] = static_cast<std::uint8_t>(value >> (8 * (order_ == ByteOrder::kLittle ? i : 3 - i)));
    }
  }
  [[nodiscard]] ByteOrder order() const { return order_; }

  std::vector<std::uint8_t> bytes;

 private:
  Wire& number(std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; i++) {
      u8(static_cast<unsigned>(value >> (8 * (order_ == ByteOrder::kLittle ? i : size - 1 - i)) & 0xff));
    }
    return *this;
  }

  ByteOrder order_;
};

using Fill = std::function<void(Wire&)>;

/// A message in parts, each of which a test may get wrong. What it makes is a valid signal unless told otherwise.
struct MessageParts {
  struct Field {
    unsigned code;
    std::string type;
    Fill value;
  };

  ByteOrder order = ByteOrder::kLittle;
  unsigned endian = 0;  // 0: as `order`
  unsigned type = 4;
  unsigned flags = 1;
  unsigned version = 1;
  std::uint32_t serial = 7;
  std::vector<Field> fields = {path("/org/freedesktop/systemd1"), interface("org.freedesktop.systemd1.Manager"),
                               member("Something"), text(7, "s", ":1.2")};
  std::string signature = {};
  Fill body = {};
  std::int64_t extra_body_bytes = 0;  // announced beyond what is there

  static Field text(unsigned code, std::string type, std::string value) {
    return {code, type, [type, value](Wire& out) { type == "g" ? out.sig(value) : out.str(value); }};
  }
  static Field path(std::string value) { return text(1, "o", std::move(value)); }
  static Field interface(std::string value) { return text(2, "s", std::move(value)); }
  static Field member(std::string value) { return text(3, "s", std::move(value)); }
  static Field error_name(std::string value) { return text(4, "s", std::move(value)); }
  static Field reply_serial(std::uint32_t value) { return {5, "u", [value](Wire& out) { out.u32(value); }}; }
  static Field destination(std::string value) { return text(6, "s", std::move(value)); }

  [[nodiscard]] std::vector<std::uint8_t> bytes() const {
    Wire out(order);
    out.u8(endian != 0 ? endian : order == ByteOrder::kLittle ? 'l' : 'B').u8(type).u8(flags).u8(version);
    out.u32(0).u32(serial);
    out.array(8, [&](Wire& array) {
      for (const Field& field : fields) write(array, field);
      if (!signature.empty()) write(array, text(8, "g", signature));
    });
    out.align(8);
    const std::size_t start = out.bytes.size();
    if (body) body(out);
    out.patch(4, static_cast<std::size_t>(static_cast<std::int64_t>(out.bytes.size() - start) + extra_body_bytes));
    return out.bytes;
  }

 private:
  static void write(Wire& out, const Field& field) {
    out.align(8).u8(field.code).sig(field.type);
    field.value(out);
  }
};

}  // namespace unitscope::test
