#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/base/bytes.h"

namespace unitscope::dbus {

/// Bytes that went through every check once. A message that holds the same at the same alignment and in the same byte order
/// passes the same checks, so comparing them is as good and several times faster. Only what begins at a multiple of 8 may
/// be remembered, or of the alignment of all that is in it. No allocation.
template <std::size_t kMost>
class KnownBytes {
 public:
  /// What is too long is not remembered. Fewer than a word are never worth it.
  void remember(Bytes checked) noexcept {
    size_ = checked.size() < sizeof(std::uint64_t) || checked.size() > kMost ? 0 : checked.size();
    std::memcpy(bytes_.data(), checked.data(), size_);
  }
  [[nodiscard]] Bytes bytes() const noexcept { return Bytes(bytes_.data(), size_); }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

  /// Whether `rest` begins with them; never when there are none.
  [[nodiscard]] bool begin(Bytes rest) const noexcept {
    if (size_ == 0 || rest.size() < size_) return false;
    // Words without a branch, the last one overlapping: for the 20 to 50 bytes of a property's name and type a call of
    // memcmp takes longer than the comparison.
    std::uint64_t differ = differing(rest, size_ - sizeof(std::uint64_t));
    for (std::size_t at = 0; at + sizeof(std::uint64_t) <= size_; at += sizeof(std::uint64_t)) differ |= differing(rest, at);
    return differ == 0;
  }

 private:
  [[nodiscard]] std::uint64_t differing(Bytes rest, std::size_t at) const noexcept {
    std::uint64_t mine, theirs;
    std::memcpy(&mine, bytes_.data() + at, sizeof mine);
    std::memcpy(&theirs, rest.data() + at, sizeof theirs);
    return mine ^ theirs;
  }

  std::size_t size_ = 0;
  std::array<std::uint8_t, kMost> bytes_;
};

}  // namespace unitscope::dbus
