#include "core/batch/read_window.h"

#include <cmath>
#include <utility>

namespace unitscope {
namespace {

/// What dbus-broker sends of a backlog for one edge of the socket (its SOCKET_MMSG_MAX): more may stand behind as many.
constexpr std::size_t kBacklogMessages = 16;
/// Few enough that one of those stands out, even where the timer is late.
constexpr double kFew = 12;
/// dbus-daemon writes while poll(2) allows it, which is until a quarter of its send buffer is in use: by 23 of systemd's.
constexpr double kMost = 22;
/// Most windows of kMost in a row. What a bus holds back meanwhile comes some 30 ms late at worst, for one read more in 17.
constexpr unsigned kTrustedReads = 16;
/// What makes of kMost a burst, and of kFew fewer than kBacklogMessages.
constexpr double kSteady = 1.3;

}  // namespace

std::uint64_t ReadWindow::after_read(std::size_t messages, std::uint64_t now_ns) noexcept {
  rate_.add(messages, now_ns);
  const double foreseen = std::exchange(foreseen_, 0);
  const std::uint64_t wait_ns = worth_waiting_ns(rate_, longest_ns_);
  if (messages == 0 || wait_ns == 0) return 0;
  if (messages < kBacklogMessages) {
    // Without a sleep it proves nothing: that wakes at the first of those which the bus is sending.
    if (foreseen > 0) trusted_ = kTrustedReads;
  } else if (trusted_ == 0 || static_cast<double>(messages) >= kSteady * foreseen ||
             (messages == kBacklogMessages && foreseen > kBacklogMessages + 1)) {  // as many as one edge brings, and too few
    trusted_ = 0;
    return 0;
  } else {
    trusted_--;
  }
  if (const double come = rate_.within(wait_ns); trusted_ > 0 && come <= kMost) {
    foreseen_ = come;
    return wait_ns;
  }
  const double come = rate_.within(longest_ns_), parts = std::ceil(come / kFew);
  foreseen_ = come / parts;
  return static_cast<std::uint64_t>(static_cast<double>(longest_ns_) / parts);
}

}  // namespace unitscope
