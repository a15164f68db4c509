#include "core/dbus/message_writer.h"

#include <cassert>
#include <cstddef>

namespace unitscope::dbus {
namespace {

constexpr std::string_view kDriver = "org.freedesktop.DBus";

class Writer {
 public:
  void u8(std::uint8_t value) { bytes.push_back(value); }
  void u32(std::uint32_t value) {
    align(4);
    for (int shift = 0; shift < 32; shift += 8) u8(static_cast<std::uint8_t>(value >> shift));
  }
  void text(std::string_view value) {
    bytes.insert(bytes.end(), value.begin(), value.end());
    u8(0);
  }
  void string(std::string_view value) {
    u32(static_cast<std::uint32_t>(value.size()));
    text(value);
  }
  /// A header field whose value is a string, path or (type `g`) signature.
  void field(std::uint8_t code, char type, std::string_view value) {
    align(8);
    u8(code);
    u8(1);
    u8(static_cast<std::uint8_t>(type));
    u8(0);
    if (type != 'g') return string(value);
    u8(static_cast<std::uint8_t>(value.size()));
    text(value);
  }
  void align(std::size_t alignment) {
    while (bytes.size() % alignment != 0) u8(0);
  }
  void patch(std::size_t at, std::size_t value) {
    for (std::size_t i = 0; i < 4; i++) bytes[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
  }

  std::vector<std::uint8_t> bytes;
};

}  // namespace

std::vector<std::uint8_t> driver_call(std::uint32_t serial, std::string_view member, std::string_view argument) {
  assert(argument.size() <= kMaxRuleBytes);
  Writer out;
  for (const std::uint8_t byte : {'l', '\1', '\0', '\1'}) out.u8(byte);
  out.u32(0);  // body size, below
  out.u32(serial);
  out.u32(0);  // field size, below
  out.field(1, 'o', "/org/freedesktop/DBus");
  out.field(2, 's', kDriver);
  out.field(3, 's', member);
  out.field(6, 's', kDriver);
  if (!argument.empty()) out.field(8, 'g', "s");
  out.patch(12, out.bytes.size() - 16);
  out.align(8);
  const std::size_t body = out.bytes.size();
  if (!argument.empty()) out.string(argument);
  out.patch(4, out.bytes.size() - body);
  return std::move(out.bytes);
}

}  // namespace unitscope::dbus
