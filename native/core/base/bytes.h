#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace unitscope {

using Bytes = std::span<const std::uint8_t>;

enum class ByteOrder : std::uint8_t { kLittle, kBig };

/// Reads an unsigned integer of `order` at `at`, which must hold sizeof(T) bytes; any alignment.
template <typename T>
[[nodiscard]] inline T load(const std::uint8_t* at, ByteOrder order) noexcept {
  T value;
  std::memcpy(&value, at, sizeof value);
  const bool native = (std::endian::native == std::endian::little) == (order == ByteOrder::kLittle);
  if (native) return value;
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(value));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(value));
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(value));
  return value;
}

}  // namespace unitscope
