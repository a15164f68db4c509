#include "core/cgroup/printable_path.h"

#include <cstdint>

#include "core/base/utf8.h"

namespace unitscope::cgroup {
namespace {

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
