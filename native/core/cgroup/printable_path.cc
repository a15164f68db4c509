#include "core/cgroup/printable_path.h"

#include <cstdint>

namespace unitscope::cgroup {
namespace {

/// Length of the well-formed UTF-8 sequence at the start of `bytes` (Unicode 15, table 3-7), or 0.
std::size_t utf8_length(std::string_view bytes) noexcept {
  const auto at = [&](std::size_t i) { return i < bytes.size() ? static_cast<std::uint8_t>(bytes[i]) : 0u; };
  const auto tail = [&](std::size_t i) { return (at(i) & 0xc0u) == 0x80u; };
  const unsigned first = at(0), second = at(1);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return tail(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool overlong = first == 0xe0 && second < 0xa0;
    const bool surrogate = first == 0xed && second > 0x9f;
    return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool overlong = first == 0xf0 && second < 0x90;
    const bool beyond = first == 0xf4 && second > 0x8f;
    return tail(1) && tail(2) && tail(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

/// C0, DEL and C1 (U+0080 to U+009F): a terminal may obey them.
bool is_control(std::string_view character) noexcept {
  const auto first = static_cast<std::uint8_t>(character[0]);
  if (character.size() == 1) return first < 0x20 || first == 0x7f;
  return first == 0xc2 && static_cast<std::uint8_t>(character[1]) < 0xa0;
}

}  // namespace

void append_printable(std::string& out, std::string_view path) {
  constexpr std::string_view kHex = "0123456789abcdef";
  while (!path.empty()) {
    const std::size_t length = utf8_length(path);
    const std::string_view character = path.substr(0, length == 0 ? 1 : length);
    if (length != 0 && !is_control(character)) {
      out += character;
    } else {
      for (const char byte : character) {
        const auto value = static_cast<std::uint8_t>(byte);
        out += {'\\', 'x', kHex[value >> 4], kHex[value & 0xf]};
      }
    }
    path.remove_prefix(character.size());
  }
}

}  // namespace unitscope::cgroup
