#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>

namespace unitscope {

/// Parses the whole text as a number of `base`: digits only, no sign for unsigned types, no blanks, no overflow.
/// std::from_chars accepts no leading `+` or blanks; the end check is ours.
template <std::integral T>
[[nodiscard]] inline std::optional<T> parse_int(std::string_view text, int base = 10) noexcept {
  T value{};
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc{} || stopped != end || text.empty()) return std::nullopt;
  return value;
}

}  // namespace unitscope
