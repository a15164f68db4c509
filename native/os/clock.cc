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

ClockPair read_clocks() noexcept { return {.realtime_ns = read(CLOCK_REALTIME), .boottime_ns = read(CLOCK_BOOTTIME)}; }

std::uint64_t monotonic_ns() noexcept { return read(CLOCK_MONOTONIC); }

}  // namespace unitscope
