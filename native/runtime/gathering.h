#pragma once

#include <algorithm>
#include <cstdint>

namespace unitscope {

/// The time for which things are gathered before they are handled together. Times are of any clock that only grows.
class Gathering {
 public:
  explicit Gathering(std::uint64_t duration_ns) noexcept : duration_ns_(duration_ns) {}

  /// The first thing is there. Nothing happens while others are gathered already.
  void begin(std::uint64_t now_ns) noexcept {
    if (over_ns_ == kNever) over_ns_ = now_ns + std::min(duration_ns_, kNever - 1 - now_ns);
  }
  /// Whether they are to be handled now.
  [[nodiscard]] bool over(std::uint64_t now_ns) const noexcept { return over_ns_ != kNever && now_ns >= over_ns_; }
  /// They were handled; false when nothing was gathered.
  bool end() noexcept {
    const bool gathering = over_ns_ != kNever;
    over_ns_ = kNever;
    return gathering;
  }
  /// Whole milliseconds until they are to be handled, no fewer; -1 (for poll(2) and epoll_wait(2): no limit) without any.
  [[nodiscard]] int timeout_ms(std::uint64_t now_ns) const noexcept {
    if (over_ns_ == kNever) return -1;
    const std::uint64_t left_ns = over_ns_ - std::min(over_ns_, now_ns);
    return static_cast<int>(std::min<std::uint64_t>(left_ns / 1'000'000 + (left_ns % 1'000'000 != 0), INT32_MAX));
  }

 private:
  static constexpr std::uint64_t kNever = UINT64_MAX;
  std::uint64_t duration_ns_;
  std::uint64_t over_ns_ = kNever;
};

}  // namespace unitscope
