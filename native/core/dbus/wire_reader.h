#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "core/base/bytes.h"
#include "core/base/utf8.h"
#include "core/dbus/known_bytes.h"
#include "core/dbus/reason.h"
#include "core/dbus/signature.h"

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
  /// Whether numbers are as this machine writes them: what is remembered of one message holds for such others only.
  [[nodiscard]] bool is_native() const noexcept { return (order_ == ByteOrder::kLittle) == (std::endian::native == std::endian::little); }
  /// What was read since the offset was `start`.
  [[nodiscard]] Bytes since(std::size_t start) const noexcept { return bytes_.subspan(start, at_ - start); }

  std::uint8_t read_u8() noexcept {
    const auto* part = take(1);
    return part == nullptr ? 0 : *part;
  }
  std::uint32_t read_u32() noexcept {
    align(4);
    const auto* part = take(4);
    return part == nullptr ? 0 : load<std::uint32_t>(part, order_);
  }
  std::uint64_t read_u64() noexcept {
    align(8);
    const auto* part = take(8);
    return part == nullptr ? 0 : load<std::uint64_t>(part, order_);
  }
  bool read_bool() noexcept {
    const std::uint32_t value = read_u32();
    if (value > 1) reject(Reason::kBoolean);
    return value == 1;
  }
  std::string_view read_string() noexcept {
    const std::uint32_t size = read_u32();
    if (size > kMaxStringBytes) {
      reject(Reason::kStringSize);
      return {};
    }
    const std::string_view text = take_text(size);
    if (!is_plain_ascii(text)) check_text(text);
    return ok() ? text : std::string_view{};
  }
  std::string_view read_path() noexcept;
  /// An array of bytes.
  Bytes read_bytes() noexcept {
    const std::size_t end = read_array(1);
    if (failure_) return {};
    const std::size_t start = std::exchange(at_, end);
    return since(start);
  }
  /// A valid signature of any number of types.
  std::string_view read_signature() noexcept;
  /// The signature of a variant: exactly one complete type. The value follows.
  std::string_view read_variant_signature() noexcept {
    const std::size_t size = read_u8();
    const std::string_view text = take_text(size);
    // One code that stands for itself, as nearly always, is a signature of one type.
    if (text.size() == 1 && is_whole_type(text[0])) return text;
    check_variant_signature(text);
    return ok() ? text : std::string_view{};
  }
  /// The length of an array and the padding of its first element; returns the offset where the array ends.
  std::size_t read_array(std::size_t element_alignment) noexcept;

  /// Skips zero bytes up to the next multiple of `alignment` (a power of two).
  void align(std::size_t alignment) noexcept {
    const std::size_t pad = (0 - at_) & (alignment - 1);
    if (pad == 0) return;
    if (failure_ || bytes_.size() - at_ < sizeof(std::uint64_t)) return skip_padding(pad);
    // At most 7 bytes, so the lower part of a word.
    const std::uint64_t part = load<std::uint64_t>(bytes_.data() + at_, ByteOrder::kLittle) << (64 - 8 * pad);
    if (part != 0) return skip_padding(pad);
    at_ += pad;
  }
  /// Checks and skips values of the valid signature `types`; `depth` containers are open around them.
  void skip(std::string_view types, int depth) noexcept {
    if (types.size() == 1) {  // nearly every property
      if (types[0] == 't') return void(read_u64());
      if (skip_basic(types[0])) return;
    }
    skip_nested(types, depth);
  }

  /// Moves over the bytes that come next if they are the known ones, and says whether they were. With `items` array elements in
  /// them, which count as if they were walked: those that would be too many are not moved over.
  template <std::size_t kMost>
  [[nodiscard]] bool skip_known(const KnownBytes<kMost>& known, std::size_t items = 0) noexcept {
    if (failure_ || items_ + items > kMaxArrayItems || !known.begin(bytes_.subspan(at_))) return false;
    at_ += known.bytes().size();
    items_ += items;
    return true;
  }
  /// Array elements walked so far.
  [[nodiscard]] std::size_t items() const noexcept { return items_; }

  void reject(Reason reason) noexcept {
    if (!failure_) failure_ = reason;
  }

 private:
  /// The next `size` bytes, or nullptr and a failure.
  const std::uint8_t* take(std::size_t size) noexcept {
    if (failure_) return nullptr;
    if (bytes_.size() - at_ < size) {
      failure_ = Reason::kTruncated;
      return nullptr;
    }
    const std::uint8_t* const part = bytes_.data() + at_;
    at_ += size;
    return part;
  }
  /// `size` bytes and the NUL behind them.
  std::string_view take_text(std::size_t size) noexcept {
    const auto* part = take(size + 1);
    if (part == nullptr) return {};
    if (part[size] != 0) {
      reject(Reason::kStringNul);
      return {};
    }
    return {reinterpret_cast<const char*>(part), size};
  }
  void skip_padding(std::size_t pad) noexcept;
  /// Of a text with a NUL in it, or a byte over 127.
  void check_text(std::string_view text) noexcept;
  void check_variant_signature(std::string_view text) noexcept;
  void skip_nested(std::string_view types, int depth) noexcept;
  /// Values of a basic type; false when `code` is a container.
  bool skip_basic(char code) noexcept;

  Bytes bytes_;
  ByteOrder order_;
  std::size_t at_;
  std::size_t items_ = 0;
  std::optional<Reason> failure_;
};

}  // namespace unitscope::dbus
