#include "core/dbus/names.h"

#include <array>
#include <cstdint>
#include <cstring>

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
  return text.size() == 1 || count_elements(text.substr(1), '/', kAlpha | kDigit, kAlpha | kDigit) > 0;
}

bool is_interface(std::string_view text) noexcept {
  return text.size() <= kMaxNameBytes && count_elements(text, '.', kAlpha, kAlpha | kDigit) > 1;
}

bool is_member(std::string_view text) noexcept {
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

bool is_utf8(std::string_view text) noexcept {
  const auto* at = reinterpret_cast<const std::uint8_t*>(text.data());
  const auto* const end = at + text.size();
  while (at < end) {
    // Names and states are ASCII: eight bytes a step.
    std::uint64_t word;
    while (end - at >= 8 && (std::memcpy(&word, at, 8), (word & 0x8080808080808080u) == 0)) at += 8;
    if (at == end) break;
    const std::uint8_t lead = *at++;
    if (lead < 0x80) continue;
    // Continuation bytes after the second are 80..BF; the range of the second depends on the lead (Unicode table 3-7).
    std::uint8_t low = 0x80, high = 0xBF;
    int more;
    if (lead >= 0xC2 && lead <= 0xDF) {
      more = 1;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
      more = 2;
      if (lead == 0xE0) low = 0xA0;
      if (lead == 0xED) high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      more = 3;
      if (lead == 0xF0) low = 0x90;
      if (lead == 0xF4) high = 0x8F;
    } else {
      return false;
    }
    for (; more > 0; more--, low = 0x80, high = 0xBF) {
      if (at == end || *at < low || *at > high) return false;
      at++;
    }
  }
  return true;
}

}  // namespace unitscope::dbus
