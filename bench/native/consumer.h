#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>
#include <string_view>

namespace bench {

/// PropertiesChanged of units, and the manager's own: what the product asks for, but for the owner of the name.
inline constexpr const char* kRules[] = {
    "type='signal',sender='org.freedesktop.systemd1',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',"
    "path_namespace='/org/freedesktop/systemd1/unit'",
    "type='signal',sender='org.freedesktop.systemd1',interface='org.freedesktop.systemd1.Manager',path='/org/freedesktop/systemd1'"};

/// The side of a consumer that bench/lib/traffic-run.mjs talks to. For each line `run` it connects and says `ready`; at the
/// marker bench-begin it begins to count, and says `begun`; at bench-end it says what it counted, and disconnects.
class Meter {
 public:
  void signal() { signals_++; }

  /// UnitNew of a marker, or of another unit.
  void unit_new(std::string_view unit) {
    if (unit == "bench-begin.service") {
      signals_ = 0;
      cpu_us_ = cpu_us();
      std::puts("begun");
    } else if (unit == "bench-end.service") {
      timespec now;
      clock_gettime(CLOCK_MONOTONIC, &now);
      const auto end = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000;
      std::printf("{\"signals\":%" PRIu64 ",\"cpuUs\":%" PRIu64 ",\"endUs\":%" PRIu64 "}\n", signals_, cpu_us() - cpu_us_, end);
      over_ = true;
    }
    std::fflush(stdout);
  }

  [[nodiscard]] bool over() const { return over_; }

 private:
  static std::uint64_t cpu_us() {
    rusage used;
    getrusage(RUSAGE_SELF, &used);
    const auto us = [](const timeval& time) { return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(time.tv_usec); };
    return us(used.ru_utime) + us(used.ru_stime);
  }

  std::uint64_t signals_ = 0;
  std::uint64_t cpu_us_ = 0;
  bool over_ = false;
};

inline void say_ready() {
  std::puts("ready");
  std::fflush(stdout);
}

/// Runs `once` for each line of standard input.
inline int serve(const std::function<void(Meter&)>& once) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (char line[64]; std::fgets(line, sizeof line, stdin) != nullptr;) {
    Meter meter;
    once(meter);
  }
  return 0;
}

}  // namespace bench
