#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace unitscope {

/// How often something happens, averaged over about 20 ms: long enough for a handful of reads, short enough that a stream which
/// begins is soon read as one. With 50 ms, 10,000 a second were for 11 ms taken for fewer than are worth waiting for.
class Rate {
 public:
  /// \param now_ns  monotonic; `count` happened since the call before
  void add(std::size_t count, std::uint64_t now_ns) noexcept {
    const double elapsed_s = std::max(static_cast<double>(now_ns - last_ns_) / 1e9, 1e-6);
    last_ns_ = now_ns;
    per_second_ += elapsed_s / (elapsed_s + kAveragingSeconds) * (static_cast<double>(count) / elapsed_s - per_second_);
  }

  [[nodiscard]] double per_second() const noexcept { return per_second_; }
  /// How many to expect within a time.
  [[nodiscard]] double within(std::uint64_t ns) const noexcept { return per_second_ * static_cast<double>(ns) / 1e9; }

 private:
  static constexpr double kAveragingSeconds = 0.02;
  std::uint64_t last_ns_ = 0;
  double per_second_ = 0;
};

/// Waiting for others saves a wake-up (tens of microseconds) for each that comes meanwhile; for fewer than this it costs
/// as much as it saves, and delays for nothing.
inline constexpr double kWorthWaitingFor = 6;
/// Of so many each pays a few microseconds of a shared wake-up: to wait for more saves little.
inline constexpr double kEnough = 12;

/// How long messages of a stream wait for each other: `longest_ns`, or half of it where that brings enough of them, or not at
/// all where few come.
[[nodiscard]] inline std::uint64_t worth_waiting_ns(const Rate& rate, std::uint64_t longest_ns) noexcept {
  if (rate.within(longest_ns) < kWorthWaitingFor) return 0;
  return rate.within(longest_ns / 2) >= kEnough ? longest_ns / 2 : longest_ns;
}

}  // namespace unitscope
