#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/dbus/reason.h"

namespace unitscope::dbus {

/// Length is one byte on the wire.
inline constexpr std::size_t kMaxSignatureBytes = 255;
/// Array codes and open parentheses, each (specification, "Valid Signatures").
inline constexpr int kMaxArrayDepth = 32;
inline constexpr int kMaxStructDepth = 32;

/// Nothing when `text` is a sequence of complete types, else the first rule it breaks. Iterative: depth costs no stack.
[[nodiscard]] std::optional<Reason> check_signature(std::string_view text) noexcept;

/// Bytes of the first complete type of a *valid* signature.
[[nodiscard]] std::size_t first_type_size(std::string_view valid) noexcept;

/// True when a valid signature is exactly one complete type.
[[nodiscard]] bool is_single_type(std::string_view valid) noexcept;

/// Alignment of a value of type code `code`: 1, 2, 4 or 8; 0 for what is no type code.
[[nodiscard]] std::size_t alignment_of(char code) noexcept;

/// Whether this code alone is a complete type.
[[nodiscard]] inline bool is_whole_type(char code) noexcept {
  switch (code) {
    case 's': case 'u': case 't': case 'b': case 'i': case 'o': case 'g': case 'v':
    case 'y': case 'n': case 'q': case 'x': case 'd': case 'h': return true;
    default: return false;
  }
}

/// Size of a value whose every bit pattern is valid (all fixed types but boolean), else 0.
[[nodiscard]] std::size_t fixed_size_of(char code) noexcept;

}  // namespace unitscope::dbus
