#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/cgroup/scan.h"

namespace unitscope::cgroup {

/// Block devices of one cgroup; machines with more have a file that is refused whole rather than cut at random.
inline constexpr std::size_t kMaxIoDevices = 512;

struct IoDevice {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint64_t read_bytes = 0;
  std::uint64_t write_bytes = 0;
  std::uint64_t read_ops = 0;
  std::uint64_t write_ops = 0;
};

/// io.stat (cgroup-v2.rst, "IO Interface Files"). Appends the devices that have numbers to `devices`, which keeps its
/// capacity between calls; on failure it is as it was.
///
/// Three things real kernels write besides the documented form, none an error:
/// - several devices on one line, `7:1 7:0 rbytes=...`: those before the last have no numbers (5.x to 6.1);
/// - a device without numbers and without newline at the end, while a device is being attached;
/// - `(unknown) rbytes=...` for hidden devices (NVMe multipath, ZFS): their numbers belong to nobody and are skipped.
///
/// \return how many devices were appended; 0 for an empty file: a cgroup that did no I/O yet
[[nodiscard]] Result<std::size_t, ScanError> scan_io_stat(std::string_view text, std::vector<IoDevice>& devices) noexcept;

}  // namespace unitscope::cgroup
