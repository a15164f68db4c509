#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/result.h"

namespace unitscope::cgroup {

/// Why the text of a cgroup file was refused. A file that is not there never comes here: that is no error.
enum class ScanError : std::uint8_t {
  kEmpty,      ///< no bytes where the kernel always writes some
  kTruncated,  ///< the last line has no newline, so its number may have lost digits
  kSyntax,     ///< a known key without a value, or a token that no kernel writes
  kNumber,     ///< negative, not decimal, or above 2^64 - 1
  kDuplicate,  ///< a known key or device twice
  kTooMany,    ///< more devices than kMaxIoDevices
};

/// Walks the lines of `text`; each must end in a newline.
class Lines {
 public:
  explicit Lines(std::string_view text) noexcept : rest_(text) {}

  /// The next line without its newline; false at the end, or before a line that has none (then truncated() is true).
  [[nodiscard]] bool next(std::string_view& line) noexcept {
    const std::size_t end = rest_.find('\n');
    if (end == std::string_view::npos) return false;
    line = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return true;
  }
  [[nodiscard]] bool truncated() const noexcept { return !rest_.empty(); }
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

 private:
  std::string_view rest_;
};

/// A file of one number, e.g. memory.current.
[[nodiscard]] Result<std::uint64_t, ScanError> scan_number(std::string_view text) noexcept;

/// A limit: a number, or `max` for none.
struct Limit {
  bool unlimited = false;
  std::uint64_t value = 0;
};
[[nodiscard]] Result<Limit, ScanError> scan_limit(std::string_view text) noexcept;

/// Keys a flat-keyed file may be asked for at once; the bits of the answer's mask.
inline constexpr std::size_t kMaxKeys = 32;

/// A flat-keyed file (`key value` per line: cpu.stat, memory.stat, memory.events, cgroup.events; cgroup-v2.rst,
/// "Format"). Keys that were not asked for are skipped unread, whatever follows them.
///
/// \param keys    at most kMaxKeys; fastest in the kernel's own order
/// \param values  as long as `keys`; untouched on failure, and where a key is missing
/// \return        bit i set when keys[i] was there
[[nodiscard]] Result<std::uint32_t, ScanError> scan_keyed(std::string_view text, std::span<const std::string_view> keys,
                                                          std::span<std::uint64_t> values) noexcept;

}  // namespace unitscope::cgroup
