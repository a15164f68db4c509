#include "core/cgroup/files.h"

#include <span>

#include "core/cgroup/pressure.h"

namespace unitscope::cgroup {
namespace {

using Scanned = Result<void, ScanError>;
using Devices = std::vector<IoDevice>;

[[nodiscard]] constexpr Field nth(Field first, std::size_t offset) noexcept {
  return static_cast<Field>(static_cast<std::size_t>(first) + offset);
}

template <Field field>
Scanned number(std::string_view text, Sample& sample, Devices&) noexcept {
  const auto scanned = scan_number(text);
  if (!scanned) return fail(scanned.error());
  sample.set(field, scanned.value());
  return {};
}

template <Field value, Field unlimited>
Scanned limit(std::string_view text, Sample& sample, Devices&) noexcept {
  const auto scanned = scan_limit(text);
  if (!scanned) return fail(scanned.error());
  sample.set(unlimited, scanned.value().unlimited ? 1 : 0);
  if (!scanned.value().unlimited) sample.set(value, scanned.value().value);
  return {};
}

/// `keys[i]` is field `first + i`.
template <const auto& keys, Field first>
Scanned keyed(std::string_view text, Sample& sample, Devices&) noexcept {
  std::array<std::uint64_t, keys.size()> values;
  const auto present = scan_keyed(text, keys, values);
  if (!present) return fail(present.error());
  for (std::size_t i = 0; i < keys.size(); i++) {
    if ((present.value() >> i & 1u) != 0) sample.set(nth(first, i), values[i]);
  }
  return {};
}

/// Four fields from `first`: total and avg10 of `some`, then of `full`.
template <Field first>
Scanned pressure(std::string_view text, Sample& sample, Devices&) noexcept {
  const auto scanned = scan_pressure(text);
  if (!scanned) return fail(scanned.error());
  const Pressure& stalls = scanned.value();
  sample.set(first, stalls.some.total_usec);
  sample.set(nth(first, 1), stalls.some.avg10_hundredths);
  if (stalls.full) {
    sample.set(nth(first, 2), stalls.full->total_usec);
    sample.set(nth(first, 3), stalls.full->avg10_hundredths);
  }
  return {};
}

Scanned io_stat(std::string_view text, Sample& sample, Devices& devices) noexcept {
  const auto count = scan_io_stat(text, devices);
  if (!count) return fail(count.error());
  sample.set(Field::kIoDevices, count.value());
  return {};
}

// Field order, and the kernel's own (cgroup-v2.rst; mm/memcontrol.c memory_stats[]).
constexpr std::array<std::string_view, 6> kCpuStat = {"usage_usec", "user_usec",    "system_usec",
                                                      "nr_periods", "nr_throttled", "throttled_usec"};
constexpr std::array<std::string_view, 6> kMemoryEvents = {"low", "high", "max", "oom", "oom_kill", "oom_group_kill"};
constexpr std::array<std::string_view, 14> kMemoryStat = {
    "anon",       "file",           "kernel",        "kernel_stack",     "pagetables",         "sock", "shmem", "file_mapped",
    "file_dirty", "file_writeback", "inactive_file", "slab_reclaimable", "slab_unreclaimable", "slab"};
constexpr std::array<std::string_view, 1> kPidsEvents = {"max"};
constexpr std::array<std::string_view, 2> kEvents = {"populated", "frozen"};

}  // namespace

constexpr std::array<File, kFileCount> kFiles = {{
    {"cpu.stat", Group::kCpu, keyed<kCpuStat, Field::kCpuUsageUsec>},
    {"memory.current", Group::kMemory, number<Field::kMemoryCurrent>},
    {"cpu.pressure", Group::kPressure, pressure<Field::kCpuSomeTotal>},
    {"memory.pressure", Group::kPressure, pressure<Field::kMemorySomeTotal>},
    {"io.pressure", Group::kPressure, pressure<Field::kIoSomeTotal>},
    {"io.stat", Group::kIo, io_stat},
    {"pids.current", Group::kPids, number<Field::kPidsCurrent>},
    {"memory.events", Group::kMemory, keyed<kMemoryEvents, Field::kMemoryEventLow>},
    {"memory.stat", Group::kMemoryStat, keyed<kMemoryStat, Field::kMemoryStatAnon>},
    {"memory.peak", Group::kMemory, number<Field::kMemoryPeak>},
    {"memory.swap.current", Group::kMemory, number<Field::kMemorySwapCurrent>},
    {"memory.events.local", Group::kMemoryLocal, keyed<kMemoryEvents, Field::kMemoryLocalLow>},
    {"memory.max", Group::kMemory, limit<Field::kMemoryMax, Field::kMemoryMaxUnlimited>},
    {"memory.high", Group::kMemory, limit<Field::kMemoryHigh, Field::kMemoryHighUnlimited>},
    {"pids.max", Group::kPids, limit<Field::kPidsMax, Field::kPidsMaxUnlimited>},
    {"pids.events", Group::kPids, keyed<kPidsEvents, Field::kPidsEventMax>},
    {"cgroup.events", Group::kState, keyed<kEvents, Field::kPopulated>},
}};
static_assert(std::string_view(kFiles[kMemoryEventsFile].name) == "memory.events");

}  // namespace unitscope::cgroup
