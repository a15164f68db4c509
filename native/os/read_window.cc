#include "os/read_window.h"

#include <algorithm>

namespace unitscope {
namespace {

constexpr std::size_t kBacklogMessages = 16;
constexpr double kWorthwhileMessages = 4;
constexpr double kGatheredMessages = 28;
constexpr double kAveragingSeconds = 0.05;

}  // namespace

std::uint64_t ReadWindow::after_read(std::size_t messages, std::uint64_t now_ns) noexcept {
  const double elapsed = std::max(static_cast<double>(now_ns - last_ns_) / 1e9, 1e-6);
  last_ns_ = now_ns;
  const double weight = elapsed / (elapsed + kAveragingSeconds);
  rate_ += weight * (static_cast<double>(messages) / elapsed - rate_);
  if (messages >= kBacklogMessages || longest_ns_ == 0) return 0;
  if (rate_ * static_cast<double>(longest_ns_) / 1e9 < kWorthwhileMessages) return 0;
  return std::min(longest_ns_, static_cast<std::uint64_t>(kGatheredMessages / rate_ * 1e9));
}

}  // namespace unitscope
