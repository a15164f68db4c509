#pragma once

#include <cstddef>
#include <string_view>

namespace unitscope {

/// Length of the well-formed UTF-8 sequence at the start of `bytes`, or 0: no overlong forms, surrogates or values above
/// U+10FFFF (RFC 3629; Unicode 15, table 3-7).
[[nodiscard]] std::size_t utf8_length(std::string_view bytes) noexcept;

/// Whether all of `text` is well-formed. NUL and noncharacters are.
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

}  // namespace unitscope
