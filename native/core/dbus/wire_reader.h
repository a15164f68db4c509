#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/bytes.h"
#include "core/dbus/reason.h"

namespace unitscope::dbus {

/// Containers open at once, variants included (specification: 32 arrays + 32 structs).
inline constexpr int kMaxDepth = 64;
/// Specification, "Marshaling": arrays are at most 64 MiB.
inline constexpr std::size_t kMaxArrayBytes = 64u * 1024 * 1024;
/// Array elements walked in one message: bounds the time of a message made of empty arrays.
inline constexpr std::size_t kMaxArrayItems = 1'000'000;
/// One string; systemd's longest (StatusText) is 64 KiB.
inline constexpr std::size_t kMaxStringBytes = 1024 * 1024;
/// The specification has no limit for paths; systemd refuses longer ones as well (BUS_PATH_SIZE_MAX).
inline constexpr std::size_t kMaxPathBytes = 64 * 1024;

/// Reads marshaled values, checking each fully. Alignment counts from the first byte given.
///
/// The first failure sticks: later reads answer zero or empty and move nothing, so that a decoder asks ok() once at its
/// end (and in its loops). Views point into the bytes given. Nothing here recurses or allocates.
class WireReader {
 public:
  WireReader(Bytes bytes, ByteOrder order, std::size_t at = 0) noexcept : bytes_(bytes), order_(order), at_(at) {}

  [[nodiscard]] bool ok() const noexcept { return !failure_; }
  /// Only when not ok().
  [[nodiscard]] Rejection rejection() const noexcept { return {*failure_, at_}; }
  [[nodiscard]] std::size_t offset() const noexcept { return at_; }
  [[nodiscard]] bool at_end() const noexcept { return at_ == bytes_.size(); }

  std::uint8_t read_u8() noexcept;
  std::uint32_t read_u32() noexcept;
  std::uint64_t read_u64() noexcept;
  bool read_bool() noexcept;
  std::string_view read_string() noexcept;
  std::string_view read_path() noexcept;
  /// A valid signature of any number of types.
  std::string_view read_signature() noexcept;
  /// The signature of a variant: exactly one complete type. The value follows.
  std::string_view read_variant_signature() noexcept;
  /// The length of an array and the padding of its first element; returns the offset where the array ends.
  std::size_t read_array(std::size_t element_alignment) noexcept;

  /// Skips zero bytes up to the next multiple of `alignment` (a power of two).
  void align(std::size_t alignment) noexcept;
  /// Checks and skips values of the valid signature `types`; `depth` containers are open around them.
  void skip(std::string_view types, int depth) noexcept;

  void reject(Reason reason) noexcept {
    if (!failure_) failure_ = reason;
  }

 private:
  /// The next `size` bytes, or nullptr and a failure.
  const std::uint8_t* take(std::size_t size) noexcept;
  std::string_view take_text(std::size_t size) noexcept;
  /// Values of a basic type; false when `code` is a container.
  bool skip_basic(char code) noexcept;

  Bytes bytes_;
  ByteOrder order_;
  std::size_t at_;
  std::size_t items_ = 0;
  std::optional<Reason> failure_;
};

}  // namespace unitscope::dbus
