#include "os/wakeup.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>

#include <cerrno>

#include "os/clock.h"

namespace unitscope {

Wakeup::Wakeup() noexcept : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Wakeup::raise() noexcept {
  const std::uint64_t one = 1;
  // Fails only when the count is at its maximum, and then the descriptor is readable anyway.
  [[maybe_unused]] const auto written = ::write(fd_.get(), &one, sizeof one);
}

void Wakeup::lower() noexcept {
  std::uint64_t raised;
  // Fails only when nobody raised it.
  [[maybe_unused]] const auto taken = ::read(fd_.get(), &raised, sizeof raised);
}

Wakeup::Ready Wakeup::wait(int fd, short events, std::optional<std::uint64_t> until_ns) const noexcept {
  pollfd fds[2] = {{.fd = fd_.get(), .events = POLLIN, .revents = 0}, {.fd = fd, .events = events, .revents = 0}};
  while (true) {
    timespec left{};
    if (until_ns) {
      const std::uint64_t now = monotonic_ns();
      const std::uint64_t ns = *until_ns > now ? *until_ns - now : 0;
      left = {.tv_sec = static_cast<time_t>(ns / 1'000'000'000), .tv_nsec = static_cast<long>(ns % 1'000'000'000)};
    }
    // poll skips a negative descriptor.
    const int ready = ::ppoll(fds, 2, until_ns ? &left : nullptr, nullptr);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return Ready::kTimeout;
    // A hang-up or error counts as ready: the next read tells which.
    return fds[0].revents != 0 ? Ready::kRaised : Ready::kReady;
  }
}

}  // namespace unitscope
