#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace unitscope::cgroup {

/// What the kernel logs of one process that it kills for want of memory (`dump_oom_victim`, mm/oom_kill.c).
struct OomLine {
  /// The victim's cgroup below the root of the hierarchy, behind a `/`, as the bytes that mkdir(2) got.
  std::string cgroup;
  /// Whose limit was met, likewise; empty when the machine itself had no memory left.
  std::string limited_by;
  /// The command, 15 bytes at most, chosen by the process.
  std::string command;
  /// In the initial PID namespace.
  std::uint32_t pid = 0;
};

/// Longest path that is believed: PATH_MAX.
inline constexpr std::size_t kMaxOomPath = 4096;

/// Reads one record of /dev/kmsg (Documentation/ABI/testing/dev-kmsg):
/// `6,413,6878608,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),...,task_memcg=/a/b.service,task=tail,pid=7,uid=0`.
///
/// Nothing for any other record, for one that the kernel itself did not write, for one that was cut, and for one in which a
/// key occurs twice: names of cgroups and processes are written as they are, and a user might have made the second one.
[[nodiscard]] std::optional<OomLine> parse_oom_line(std::string_view record);

}  // namespace unitscope::cgroup
