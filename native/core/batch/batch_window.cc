#include "core/batch/batch_window.h"

namespace unitscope {

bool BatchWindow::add(std::size_t bytes, bool urgent, std::uint64_t since_ns) noexcept {
  if (records_ == 0) oldest_ns_ = since_ns;
  records_++;
  bytes_ += bytes;
  urgent_ = urgent_ || urgent;
  return records_ >= limits_.max_records || bytes_ >= kMaxBytes;
}

void BatchWindow::after_read(std::size_t messages, std::uint64_t now_ns) noexcept {
  rate_.add(messages, now_ns);
  wait_ns_ = worth_waiting_ns(rate_, limits_.timeout_ns);
}

std::optional<std::uint64_t> BatchWindow::deadline() const noexcept {
  if (records_ == 0) return std::nullopt;
  return urgent_ || wait_ns_ == 0 ? 0 : oldest_ns_ + wait_ns_;
}

void BatchWindow::announced() noexcept {
  records_ = 0;
  bytes_ = 0;
  urgent_ = false;
}

}  // namespace unitscope
