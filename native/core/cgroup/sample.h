#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace unitscope::cgroup {

/// Every number a cgroup can give, in the order of the row that crosses to JavaScript. src/binding/cgroup-layout.ts holds
/// the same list; both sides compare names when a reader is made.
enum class Field : std::uint8_t {
  kCpuUsageUsec, kCpuUserUsec, kCpuSystemUsec, kCpuPeriods, kCpuThrottledPeriods, kCpuThrottledUsec,
  kMemoryCurrent, kMemoryPeak, kMemoryMax, kMemoryMaxUnlimited, kMemoryHigh, kMemoryHighUnlimited, kMemorySwapCurrent,
  kMemoryEventLow, kMemoryEventHigh, kMemoryEventMax, kMemoryEventOom, kMemoryEventOomKill, kMemoryEventOomGroupKill,
  kMemoryLocalLow, kMemoryLocalHigh, kMemoryLocalMax, kMemoryLocalOom, kMemoryLocalOomKill, kMemoryLocalOomGroupKill,
  kMemoryStatAnon, kMemoryStatFile, kMemoryStatKernel, kMemoryStatKernelStack, kMemoryStatPagetables, kMemoryStatSock,
  kMemoryStatShmem, kMemoryStatFileMapped, kMemoryStatFileDirty, kMemoryStatFileWriteback, kMemoryStatInactiveFile,
  kMemoryStatSlabReclaimable, kMemoryStatSlabUnreclaimable, kMemoryStatSlab,
  kPidsCurrent, kPidsMax, kPidsMaxUnlimited, kPidsEventMax,
  kCpuSomeTotal, kCpuSomeAvg10, kCpuFullTotal, kCpuFullAvg10,
  kMemorySomeTotal, kMemorySomeAvg10, kMemoryFullTotal, kMemoryFullAvg10,
  kIoSomeTotal, kIoSomeAvg10, kIoFullTotal, kIoFullAvg10,
  kPopulated, kFrozen,
  kIoDevices,
  kCount,
};

inline constexpr std::size_t kFieldCount = static_cast<std::size_t>(Field::kCount);
static_assert(kFieldCount <= 64, "presence is one bit per field in one word");

/// Field names as JavaScript knows them, by Field.
inline constexpr std::array<std::string_view, kFieldCount> kFieldNames = {
    "cpuUsageUsec", "cpuUserUsec", "cpuSystemUsec", "cpuPeriods", "cpuThrottledPeriods", "cpuThrottledUsec",
    "memoryCurrent", "memoryPeak", "memoryMax", "memoryMaxUnlimited", "memoryHigh", "memoryHighUnlimited",
    "memorySwapCurrent",
    "memoryEvents.low", "memoryEvents.high", "memoryEvents.max", "memoryEvents.oom", "memoryEvents.oom_kill",
    "memoryEvents.oom_group_kill",
    "memoryEventsLocal.low", "memoryEventsLocal.high", "memoryEventsLocal.max", "memoryEventsLocal.oom",
    "memoryEventsLocal.oom_kill", "memoryEventsLocal.oom_group_kill",
    "memoryStat.anon", "memoryStat.file", "memoryStat.kernel", "memoryStat.kernel_stack", "memoryStat.pagetables",
    "memoryStat.sock", "memoryStat.shmem", "memoryStat.file_mapped", "memoryStat.file_dirty",
    "memoryStat.file_writeback", "memoryStat.inactive_file", "memoryStat.slab_reclaimable",
    "memoryStat.slab_unreclaimable", "memoryStat.slab",
    "pidsCurrent", "pidsMax", "pidsMaxUnlimited", "pidsEvents.max",
    "cpuPressure.someTotal", "cpuPressure.someAvg10", "cpuPressure.fullTotal", "cpuPressure.fullAvg10",
    "memoryPressure.someTotal", "memoryPressure.someAvg10", "memoryPressure.fullTotal", "memoryPressure.fullAvg10",
    "ioPressure.someTotal", "ioPressure.someAvg10", "ioPressure.fullTotal", "ioPressure.fullAvg10",
    "populated", "frozen",
    "ioDevices",
};

/// One reading of one cgroup. A field that is not present is not zero: its file was missing, unreadable or malformed.
struct Sample {
  std::uint64_t present = 0;
  std::array<std::uint64_t, kFieldCount> values{};

  void set(Field field, std::uint64_t value) noexcept {
    const auto i = static_cast<std::size_t>(field);
    values[i] = value;
    present |= std::uint64_t{1} << i;
  }
  [[nodiscard]] bool has(Field field) const noexcept {
    return (present >> static_cast<unsigned>(field) & 1u) != 0;
  }
  [[nodiscard]] std::uint64_t get(Field field) const noexcept { return values[static_cast<std::size_t>(field)]; }
};

}  // namespace unitscope::cgroup
