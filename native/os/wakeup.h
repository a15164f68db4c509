#pragma once

#include <cstdint>
#include <optional>

#include "os/unique_fd.h"

namespace unitscope {

/// Ends another thread's waiting (eventfd(2)), for good unless that thread takes it back.
class Wakeup {
 public:
  Wakeup() noexcept;
  /// False when the process has no descriptor left.
  [[nodiscard]] bool valid() const noexcept { return fd_.valid(); }
  /// Any thread, also from a signal handler; every wait() ends now and later.
  void raise() noexcept;
  /// Takes back what was raised: for a thread that is woken for one thing after the other, before it looks for them.
  void lower() noexcept;
  /// Readable once raised, for a waiter with descriptors of its own.
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

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
