#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/cgroup/io_stat.h"
#include "core/cgroup/sample.h"
#include "core/cgroup/scan.h"

namespace unitscope::cgroup {

/// What can be switched on and off; a file whose group is off is not opened.
enum class Group : std::uint8_t { kCpu, kMemory, kMemoryLocal, kMemoryStat, kIo, kPids, kPressure, kState, kCount };

using GroupMask = std::uint32_t;
[[nodiscard]] constexpr GroupMask mask_of(Group group) noexcept { return 1u << static_cast<unsigned>(group); }
inline constexpr GroupMask kAllGroups = mask_of(Group::kCount) - 1;

/// Group names as JavaScript knows them, by Group.
inline constexpr std::array<std::string_view, static_cast<std::size_t>(Group::kCount)> kGroupNames = {
    "cpu", "memory", "memory_local", "memory_stat", "io", "pids", "pressure", "state"};

/// One file of a cgroup directory: how it is called, whose it is, and what its text means.
struct File {
  /// NUL-terminated: it goes to openat(2) as it is.
  const char* name;
  Group group;
  /// Adds what the text says to `sample` (io.stat: to `devices` too); on failure both are as they were.
  Result<void, ScanError> (*scan)(std::string_view text, Sample& sample, std::vector<IoDevice>& devices) noexcept;
};

inline constexpr std::size_t kFileCount = 17;
/// Those that change most come first.
extern const std::array<File, kFileCount> kFiles;
/// Where memory.events is among them.
inline constexpr std::size_t kMemoryEventsFile = 7;

}  // namespace unitscope::cgroup
