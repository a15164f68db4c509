#pragma once

namespace unitscope {

/// As systemd writes IDs.
[[nodiscard]] constexpr bool is_lower_hex(char c) noexcept { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }
[[nodiscard]] constexpr bool is_hex(char c) noexcept { return is_lower_hex(c) || (c >= 'A' && c <= 'F'); }

}  // namespace unitscope
