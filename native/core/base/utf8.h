#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace unitscope {

/// Length of the well-formed UTF-8 sequence at the start of `bytes`, or 0: no overlong forms, surrogates or values above
/// U+10FFFF (RFC 3629; Unicode 15, table 3-7).
[[nodiscard]] std::size_t utf8_length(std::string_view bytes) noexcept;

/// Whether all of `text` is well-formed. NUL and noncharacters are.
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

/// Whether all bytes of `text` are from 1 to 127: well-formed, and without a NUL. Names and states are.
[[nodiscard]] inline bool is_plain_ascii(std::string_view text) noexcept {
  constexpr std::uint64_t kOnes = 0x0101010101010101u, kHighs = 0x8080808080808080u;
  const char* at = text.data();
  std::size_t left = text.size();
  // A high bit is either there or comes from taking 1 off a zero (or, behind a zero, off a borrow).
  std::uint64_t seen = 0, word;
  for (; left >= 8; at += 8, left -= 8) {
    std::memcpy(&word, at, 8);
    seen |= word | (word - kOnes);
  }
  if (left >= 4) {
    std::uint32_t half;
    std::memcpy(&half, at, 4);
    seen |= half | (half - std::uint32_t{0x01010101u});
    at += 4;
    left -= 4;
  }
  for (; left > 0; at++, left--) {
    const auto byte = static_cast<std::uint8_t>(*at);
    seen |= static_cast<std::uint8_t>(byte | (byte - 1));
  }
  return (seen & kHighs) == 0;
}

}  // namespace unitscope
