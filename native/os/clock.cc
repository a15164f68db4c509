#include "os/clock.h"

#include <time.h>

namespace unitscope {
namespace {

std::uint64_t read(clockid_t id) noexcept {
  timespec now{};
  clock_gettime(id, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

std::uint64_t realtime_ns() noexcept { return read(CLOCK_REALTIME); }

std::uint64_t boottime_ns() noexcept { return read(CLOCK_BOOTTIME); }

ClockPair read_clocks() noexcept { return {.realtime_ns = realtime_ns(), .boottime_ns = boottime_ns()}; }

std::uint64_t monotonic_ns() noexcept { return read(CLOCK_MONOTONIC); }

}  // namespace unitscope
