#include "core/batch/batch_window.h"

namespace unitscope {

bool BatchWindow::add(std::size_t bytes, bool urgent, std::uint64_t since_ns) noexcept {
  if (records_ == 0) oldest_ns_ = since_ns;
  records_++;
  since_read_++;
  bytes_ += bytes;
  urgent_ = urgent_ || urgent;
  return records_ >= limits_.max_records || bytes_ >= kMaxBytes;
}

void BatchWindow::after_read(std::uint64_t now_ns) noexcept {
  rate_.add(since_read_, now_ns);
  since_read_ = 0;
  others_expected_ = rate_.within(limits_.timeout_ns) >= kWorthWaitingFor;
}

std::optional<std::uint64_t> BatchWindow::deadline() const noexcept {
  if (records_ == 0) return std::nullopt;
  return urgent_ || !others_expected_ ? 0 : oldest_ns_ + limits_.timeout_ns;
}

void BatchWindow::announced() noexcept {
  records_ = 0;
  bytes_ = 0;
  urgent_ = false;
}

}  // namespace unitscope
