#include "core/dbus/names.h"

#include <array>
#include <cstdint>

namespace unitscope::dbus {
namespace {

enum : std::uint8_t { kAlpha = 1, kDigit = 2, kDash = 4 };

constexpr auto kClass = [] {
  std::array<std::uint8_t, 256> table{};
  for (int c = 'a'; c <= 'z'; c++) table[c] = kAlpha;
  for (int c = 'A'; c <= 'Z'; c++) table[c] = kAlpha;
  for (int c = '0'; c <= '9'; c++) table[c] = kDigit;
  table['_'] = kAlpha;
  table['-'] = kDash;
  return table;
}();

std::uint8_t class_of(char c) noexcept { return kClass[static_cast<std::uint8_t>(c)]; }

/// Elements joined by `mark`, none empty: bytes of class `rest`, the first of each of class `first`.
/// Returns how many there are, 0 when the text is not of that form.
std::size_t count_elements(std::string_view text, char mark, std::uint8_t first, std::uint8_t rest) noexcept {
  std::size_t elements = 1;
  bool at_start = true;
  for (const char c : text) {
    if (c == mark) {
      if (at_start) return 0;
      at_start = true;
      elements++;
      continue;
    }
    if ((class_of(c) & (at_start ? first : rest)) == 0) return 0;
    at_start = false;
  }
  return at_start ? 0 : elements;
}

}  // namespace

bool is_object_path(std::string_view text) noexcept {
  if (text.empty() || text[0] != '/') return false;
  // Of a path that begins as those of systemd's units do, only the rest is to be looked at.
  constexpr std::string_view kUnits = "/org/freedesktop/systemd1/unit/";
  if (text.size() > kUnits.size() && text.starts_with(kUnits)) text.remove_prefix(kUnits.size() - 1);
  return text.size() == 1 || count_elements(text.substr(1), '/', kAlpha | kDigit, kAlpha | kDigit) > 0;
}

bool is_interface(std::string_view text) noexcept {
  if (text == "org.freedesktop.DBus.Properties") return true;  // nearly every signal's
  return text.size() <= kMaxNameBytes && count_elements(text, '.', kAlpha, kAlpha | kDigit) > 1;
}

bool is_member(std::string_view text) noexcept {
  if (text == "PropertiesChanged") return true;  // nearly every signal's
  // No mark can match: a NUL is of no class, so it ends the scan as any other wrong byte does.
  return text.size() <= kMaxNameBytes && text.find('\0') == text.npos &&
         count_elements(text, '\0', kAlpha, kAlpha | kDigit) == 1;
}

bool is_bus_name(std::string_view text) noexcept {
  if (text.size() > kMaxNameBytes || text.empty()) return false;
  constexpr std::uint8_t kRest = kAlpha | kDigit | kDash;
  if (text[0] == ':') return count_elements(text.substr(1), '.', kRest, kRest) > 1;
  return count_elements(text, '.', kAlpha | kDash, kRest) > 1;
}

}  // namespace unitscope::dbus
