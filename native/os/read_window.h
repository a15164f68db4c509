#pragma once

#include <cstddef>
#include <cstdint>

namespace unitscope {

/// Tells how long to let messages gather before the next read.
///
/// A wake-up costs tens of microseconds, a message one; at 10,000 a second gathering saves three quarters of the CPU. But
/// a unix socket holds about 92 of systemd's messages, and dbus-broker refills 16 per writable edge, so sleeping with a
/// backlog starves the bus (a fixed 10 ms fell to 1,700 messages a second). Hence: no sleep after a full read, none
/// when messages are rare, else until about 28 have come. The first message after a pause is never delayed.
class ReadWindow {
 public:
  /// \param longest_ns  upper bound of one sleep; 0 never sleeps
  explicit ReadWindow(std::uint64_t longest_ns) noexcept : longest_ns_(longest_ns) {}

  /// Called after each read with the messages it brought and the monotonic time. Returns the sleep in nanoseconds.
  [[nodiscard]] std::uint64_t after_read(std::size_t messages, std::uint64_t now_ns) noexcept;

 private:
  std::uint64_t longest_ns_;
  std::uint64_t last_ns_ = 0;
  double rate_ = 0;  // messages a second, averaged over about 50 ms
};

}  // namespace unitscope
