#pragma once

#include <cstdint>

namespace unitscope {

/// CLOCK_REALTIME and CLOCK_BOOTTIME, nanoseconds.
struct ClockPair {
  std::uint64_t realtime_ns = 0;
  std::uint64_t boottime_ns = 0;
};

/// Reads both clocks back to back (two vDSO calls, about 50 ns). Any thread.
[[nodiscard]] ClockPair read_clocks() noexcept;

/// CLOCK_REALTIME and CLOCK_BOOTTIME in nanoseconds. Any thread.
[[nodiscard]] std::uint64_t realtime_ns() noexcept;
[[nodiscard]] std::uint64_t boottime_ns() noexcept;

/// CLOCK_MONOTONIC in nanoseconds: for deadlines and rates. Any thread.
[[nodiscard]] std::uint64_t monotonic_ns() noexcept;

}  // namespace unitscope
