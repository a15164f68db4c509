#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/rate.h"

namespace unitscope {

/// Tells how long to let messages gather before the next read.
///
/// A wake-up costs tens of microseconds, a message one; at 10,000 a second gathering saves three quarters of the CPU. But
/// a unix socket holds about 92 of systemd's messages, and dbus-broker refills 16 per writable edge, so sleeping with a
/// backlog starves the bus (a fixed 10 ms fell to 1,700 messages a second). Hence: no sleep after a full read, none
/// after an empty one or when messages are rare, else until about 12 have come. The first message after a pause is never
/// delayed.
class ReadWindow {
 public:
  /// Sleeping longer gains next to nothing: 5 ms save nearly all that 20 ms would.
  static constexpr std::uint64_t kLongestNs = 5'000'000;

  /// \param longest_ns  upper bound of one sleep, at most kLongestNs; 0 never sleeps
  explicit ReadWindow(std::uint64_t longest_ns) noexcept : longest_ns_(std::min(longest_ns, kLongestNs)) {}

  /// Called after each read with the messages it brought and the monotonic time. Returns the sleep in nanoseconds.
  [[nodiscard]] std::uint64_t after_read(std::size_t messages, std::uint64_t now_ns) noexcept;

 private:
  std::uint64_t longest_ns_;
  Rate rate_;
};

}  // namespace unitscope
