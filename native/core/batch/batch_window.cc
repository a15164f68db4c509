#include "core/batch/batch_window.h"

#include <algorithm>

namespace unitscope {

bool BatchWindow::add(std::size_t bytes, bool urgent, std::uint64_t since_ns) noexcept {
  if (records_ == 0) oldest_ns_ = since_ns;
  records_++;
  bytes_ += bytes;
  if (urgent) hurry_ns_ = std::min(hurry_ns_, since_ns < may_hurry_ns_ ? may_hurry_ns_ : 0);
  return records_ >= limits_.max_records || bytes_ >= kMaxBytes;
}

void BatchWindow::after_read(std::size_t messages, std::uint64_t now_ns) noexcept {
  rate_.add(messages, now_ns);
  wait_ns_ = worth_waiting_ns(rate_, limits_.timeout_ns);
}

std::optional<std::uint64_t> BatchWindow::deadline() const noexcept {
  if (records_ == 0) return std::nullopt;
  return wait_ns_ == 0 ? 0 : std::min(hurry_ns_, oldest_ns_ + wait_ns_);
}

void BatchWindow::announced() noexcept {
  records_ = 0;
  bytes_ = 0;
  if (hurry_ns_ == 0) may_hurry_ns_ = oldest_ns_ + kHurryApartNs;
  else if (hurry_ns_ < oldest_ns_ + wait_ns_) may_hurry_ns_ = hurry_ns_ + kHurryApartNs;
  hurry_ns_ = UINT64_MAX;
}

}  // namespace unitscope
