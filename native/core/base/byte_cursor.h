#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
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

/// A position in bytes somebody else owns. No read passes the end: it answers nothing instead, and stays where it was.
class ByteCursor {
 public:
  explicit ByteCursor(Bytes bytes, ByteOrder order = ByteOrder::kLittle) noexcept : bytes_(bytes), order_(order) {}

  [[nodiscard]] std::size_t offset() const noexcept { return at_; }
  [[nodiscard]] std::size_t remaining() const noexcept { return bytes_.size() - at_; }
  [[nodiscard]] bool done() const noexcept { return at_ == bytes_.size(); }
  [[nodiscard]] ByteOrder order() const noexcept { return order_; }

  template <typename T>
  [[nodiscard]] std::optional<T> read() noexcept {
    if (remaining() < sizeof(T)) return std::nullopt;
    const T value = load<T>(bytes_.data() + at_, order_);
    at_ += sizeof(T);
    return value;
  }

  /// The next `size` bytes, valid as long as the bytes below are.
  [[nodiscard]] std::optional<Bytes> take(std::size_t size) noexcept {
    if (remaining() < size) return std::nullopt;
    const Bytes part = bytes_.subspan(at_, size);
    at_ += size;
    return part;
  }

  [[nodiscard]] bool skip(std::size_t size) noexcept { return take(size).has_value(); }

 private:
  Bytes bytes_;
  std::size_t at_ = 0;
  ByteOrder order_;
};

}  // namespace unitscope
