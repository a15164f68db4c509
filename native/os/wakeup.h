#pragma once

#include <cstdint>
#include <optional>

#include "os/unique_fd.h"

namespace unitscope {

/// Ends another thread's waiting, once and for good (eventfd(2)).
class Wakeup {
 public:
  Wakeup() noexcept;
  /// False when the process has no descriptor left.
  [[nodiscard]] bool valid() const noexcept { return fd_.valid(); }
  /// Any thread, also from a signal handler; every wait() ends now and later.
  void raise() noexcept;

  /// Gives the descriptor back, once nobody waits or raises any more.
  void close() noexcept { fd_ = UniqueFd(); }

  enum class Ready : std::uint8_t { kTimeout, kReady, kRaised };
  /// Waits until `fd` is ready for `events` (poll(2)), raise(), or the monotonic time `until_ns`. An `fd` of -1 waits
  /// for the other two; without `until_ns` there is no time limit.
  [[nodiscard]] Ready wait(int fd, short events, std::optional<std::uint64_t> until_ns) const noexcept;

 private:
  UniqueFd fd_;
};

}  // namespace unitscope
