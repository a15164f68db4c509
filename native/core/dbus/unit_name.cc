#include "core/dbus/unit_name.h"

#include <cstdint>

namespace unitscope::dbus {
namespace {

constexpr auto kNameBytes = [] {
  std::array<bool, 256> table{};
  for (int c = 'a'; c <= 'z'; c++) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; c++) table[static_cast<std::size_t>(c)] = true;
  for (int c = '0'; c <= '9'; c++) table[static_cast<std::size_t>(c)] = true;
  for (const unsigned char c : std::string_view(".-_@:\\")) table[c] = true;
  return table;
}();

bool is_name_byte(char c) noexcept { return kNameBytes[static_cast<unsigned char>(c)]; }

/// The value of a hexadecimal digit, 16 for what is none.
unsigned hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return 16;
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
      if (label.size() - at < 3) return std::nullopt;
      const unsigned high = hex_digit(label[at + 1]), low = hex_digit(label[at + 2]);
      if ((high | low) > 15) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      at += 2;
    }
    out[size++] = c;
  }
  const std::string_view name(out.data(), size);
  if (!is_unit_name(name)) return std::nullopt;
  return name;
}

}  // namespace unitscope::dbus
