#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/base/rate.h"

namespace unitscope {

/// Tells how long to let messages gather before the next read.
///
/// A wake-up costs tens of microseconds, a message one or two: so a steady stream is read once in the time for which records
/// wait for each other, or in equal parts of it where more would come than a bus may hold back. The first message after a pause is never
/// delayed, nor are those of a slow stream.
///
/// But a bus with a backlog must not be slept on: a unix socket holds about 92 of systemd's messages, and dbus-broker refills 16
/// per writable edge (a fixed sleep of 10 ms fell to 1,700 messages a second). A read of 16 is what a backlog looks like, and
/// what a steady 4,000 a second bring in 4 ms. Hence: after a sleep that should bring 12, fewer than 16 prove that the bus
/// holds nothing back. Then the stream is trusted for some longer sleeps, and proves itself again. Whoever fails is
/// read without sleeping.
class ReadWindow {
 public:
  /// Sleeping longer gains next to nothing: 5 ms save nearly all that 20 ms would.
  static constexpr std::uint64_t kLongestNs = 5'000'000;

  /// \param longest_ns  upper bound of one sleep, at most kLongestNs; 0 never sleeps
  explicit ReadWindow(std::uint64_t longest_ns) noexcept : longest_ns_(std::min(longest_ns, kLongestNs)) {}

  /// Called after each read with the messages it brought and the monotonic time. Returns the sleep in nanoseconds.
  [[nodiscard]] std::uint64_t after_read(std::size_t messages, std::uint64_t now_ns) noexcept;

  /// The sleep just told of ends much earlier: what few messages it brings prove nothing.
  void cut_short() noexcept { foreseen_ = 0; }

 private:
  const std::uint64_t longest_ns_;
  Rate rate_;
  double foreseen_ = 0;    // messages, in the sleep before the next read; 0 when there is none
  unsigned trusted_ = 0;   // sleeps that may still bring kBacklogMessages
};

}  // namespace unitscope
