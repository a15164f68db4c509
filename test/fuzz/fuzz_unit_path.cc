// The last element of a unit's object path, and a unit's name. For any text: what an element is unescaped to is a unit's name and
// what its escapes say; and any unit's name, escaped as sd_bus_path_encode(3) does it, comes back.
#include <cstdint>
#include <string>

#include "core/dbus/unit_name.h"
#include "require.h"
#include "target.h"

namespace {

using namespace unitscope;

std::string escaped(std::string_view name) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char c : name) {
    const bool digit = c >= '0' && c <= '9';
    const auto byte = static_cast<std::uint8_t>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (digit && !out.empty())) out += c;
    else out += {'_', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

/// What the escapes say, by hand; false when one is broken.
bool unescape(std::string_view label, std::string& out) {
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
  for (std::size_t at = 0; at < label.size(); at++) {
    if (label[at] != '_') {
      out += label[at];
      continue;
    }
    if (label.size() - at < 3 || digit(label[at + 1]) < 0 || digit(label[at + 2]) < 0) return false;
    out += static_cast<char>(digit(label[at + 1]) * 16 + digit(label[at + 2]));
    at += 2;
  }
  return true;
}

bool is_printable_name(std::string_view name) {
  for (const char c : name) if (c <= ' ' || c > '~') return false;
  return name.size() <= dbus::kMaxUnitNameBytes && name.find('.') != name.npos;
}

void run(Bytes input) {
  const std::string text(input.begin(), input.end());
  dbus::UnitNameBuffer buffer;
  std::string said;
  const bool whole = unescape(text, said);
  const auto name = dbus::unit_name_of(text, buffer);
  require(name.has_value() == (whole && dbus::is_unit_name(said)));
  if (name) require(*name == said);
  if (!dbus::is_unit_name(text)) return;
  require(is_printable_name(text));
  require(!dbus::unit_type_of(text).empty());
  const auto again = dbus::unit_name_of(escaped(text), buffer);
  require(again && *again == text);
}

const fuzz::Register kTarget{{"unit_path", run}};

}  // namespace
