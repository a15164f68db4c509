#include "core/dbus/unit_name.h"

#include <cstdint>

#include "core/base/parse_int.h"

namespace unitscope::dbus {
namespace {

bool is_name_byte(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' ||
         c == '_' || c == '@' || c == ':' || c == '\\';
}

}  // namespace

bool is_unit_name(std::string_view text) noexcept {
  if (text.empty() || text.size() > kMaxUnitNameBytes) return false;
  for (const char c : text) {
    if (!is_name_byte(c)) return false;
  }
  const auto dot = text.rfind('.');
  return dot != text.npos && dot > 0 && dot + 1 < text.size();
}

std::optional<std::string_view> unit_name_of(std::string_view label, UnitNameBuffer& out) noexcept {
  std::size_t size = 0;
  for (std::size_t at = 0; at < label.size(); at++) {
    if (size == out.size()) return std::nullopt;
    char c = label[at];
    if (c == '_') {
      const auto digits = label.substr(at + 1, 2);
      const auto byte = digits.size() == 2 ? parse_int<std::uint8_t>(digits, 16) : std::nullopt;
      if (!byte) return std::nullopt;
      c = static_cast<char>(*byte);
      at += 2;
    }
    out[size++] = c;
  }
  const std::string_view name(out.data(), size);
  if (!is_unit_name(name)) return std::nullopt;
  return name;
}

}  // namespace unitscope::dbus
