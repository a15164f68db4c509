#include "core/batch/read_window.h"

namespace unitscope {
namespace {

/// What dbus-broker sends of a backlog for each edge: whoever finds as many may not sleep before having looked again.
constexpr std::size_t kBacklogMessages = 16;
/// Fewer, so that a steady stream is not taken for a backlog each time.
constexpr double kGatheredMessages = 12;

}  // namespace

std::uint64_t ReadWindow::after_read(std::size_t messages, std::uint64_t now_ns) noexcept {
  rate_.add(messages, now_ns);
  if (messages == 0 || messages >= kBacklogMessages) return 0;
  if (rate_.within(longest_ns_) < kWorthWaitingFor) return 0;
  return std::min(longest_ns_, static_cast<std::uint64_t>(kGatheredMessages / rate_.per_second() * 1e9));
}

}  // namespace unitscope
