#pragma once

#include <string>
#include <string_view>

#include "core/dbus/signature.h"
#include "core/dbus/wire_reader.h"
#include "support/message_builder.h"

namespace unitscope::test {

/// Reads the values of a checked body by the calls a decoder would use, telling each to `out`: number(code, value),
/// text(code, value), open(code, element type), close(code). Recursion is bounded by what check_body() lets pass.
template <typename Out>
void walk(dbus::WireReader& in, std::string_view types, Out& out) {
  while (in.ok() && !types.empty()) {
    const std::size_t size = dbus::first_type_size(types);
    const std::string_view type = types.substr(0, size), inner = type.substr(1);
    types.remove_prefix(size);
    switch (const char code = type[0]) {
      case 'y': out.number(code, in.read_u8()); break;
      case 'b': out.number(code, in.read_bool() ? 1 : 0); break;
      case 'n': case 'q': {
        in.align(2);
        std::uint64_t value = in.read_u8();
        const std::uint64_t second = in.read_u8();
        value = out.order == ByteOrder::kLittle ? value | second << 8 : value << 8 | second;
        out.number(code, value);
        break;
      }
      case 'i': case 'u': case 'h': out.number(code, in.read_u32()); break;
      case 'x': case 't': case 'd': out.number(code, in.read_u64()); break;
      case 's': out.text(code, in.read_string()); break;
      case 'o': out.text(code, in.read_path()); break;
      case 'g': out.text(code, in.read_signature()); break;
      case 'v': {
        const std::string_view of = in.read_variant_signature();
        out.open(code, of);
        walk(in, of, out);
        out.close(code);
        break;
      }
      case 'a': {
        const std::size_t end = in.read_array(dbus::alignment_of(inner[0]));
        out.open(code, inner);
        while (in.ok() && in.offset() < end) walk(in, inner, out);
        out.close(code);
        break;
      }
      default:  // `(` and `{`
        in.align(8);
        out.open(code, {});
        walk(in, inner.substr(0, inner.size() - 1), out);
        out.close(code);
    }
  }
}

/// Marshals what it is told, in an order of its own.
struct Marshaller {
  /// \param from  the order of what is walked
  Marshaller(ByteOrder from, ByteOrder to) : order(from), wire(to) {}

  void number(char code, std::uint64_t value) {
    switch (dbus::alignment_of(code)) {
      case 1: wire.u8(static_cast<unsigned>(value)); break;
      case 2: wire.u16(static_cast<std::uint16_t>(value)); break;
      case 4: wire.u32(value); break;
      default: wire.u64(value);
    }
  }
  void text(char code, std::string_view value) { code == 'g' ? wire.sig(value) : wire.str(value); }
  void open(char code, std::string_view element) {
    if (code == 'v') wire.sig(element);
    if (code == '(' || code == '{') wire.align(8);
    if (code != 'a') return;
    wire.u32(0);
    const std::size_t at = wire.bytes.size() - 4;
    wire.align(dbus::alignment_of(element[0]));
    arrays.push_back({at, wire.bytes.size()});
  }
  void close(char code) {
    if (code != 'a') return;
    const auto [at, start] = arrays.back();
    arrays.pop_back();
    wire.patch(at, wire.bytes.size() - start);
  }

  ByteOrder order;
  Wire wire;
  struct Open { std::size_t at, start; };
  std::vector<Open> arrays = {};
};

/// The values in words.
struct Speaker {
  void number(char code, std::uint64_t value) { words += std::string(1, code) + std::to_string(value) + " "; }
  void text(char code, std::string_view value) { words += std::string(1, code) + "\"" + std::string(value) + "\" "; }
  void open(char code, std::string_view) { words += std::string(1, code) + "[ "; }
  void close(char) { words += "] "; }

  ByteOrder order;
  std::string words = {};
};

}  // namespace unitscope::test
