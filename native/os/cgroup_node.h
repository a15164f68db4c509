#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "core/base/result.h"
#include "core/cgroup/files.h"
#include "os/unique_fd.h"

namespace unitscope::cgroup {

/// systemd's invocation ID, 32 hex digits; all NUL when it set none.
using InvocationId = std::array<char, 32>;

/// One cgroup directory. Its descriptors belong to this incarnation: after the directory was removed and made again they
/// answer ENODEV or ENOENT, never the successor's numbers.
struct Node {
  /// Below the root, without leading slash, as the bytes the kernel gave; empty for the root itself.
  std::string path;
  /// Inode; on a 64-bit kernel the cgroup id, which is never used again (kernfs_idr).
  std::uint64_t id = 0;
  InvocationId invocation{};
  /// Invalid where the descriptor budget is used up: then it is opened by path, and checked by id, for each reading.
  UniqueFd dir;
  std::array<UniqueFd, kHotFileCount> hot;
};

/// What went wrong since the tree was opened. Each only grows.
struct Counters {
  /// Files whose text was refused, by index in kFiles.
  std::array<std::uint64_t, kFileCount> parse_errors{};
  /// Cgroups that were gone when they were to be read: normal while units stop.
  std::uint64_t vanished = 0;
  /// Other failures of a system call by errno (EACCES, EMFILE, EIO): neither missing nor malformed.
  std::map<int, std::uint64_t> io_errors;
};

/// How many descriptors may stay open between readings. First come, first kept: all cgroups are read in turn, and a
/// least-recently-used cache smaller than such a cycle never hits.
class FdBudget {
 public:
  /// Reads RLIMIT_NOFILE, which prlimit(1) may change at any time, and starts counting anew.
  void restart() noexcept;
  /// Takes room for one more; false when there is none and the caller must close its descriptor after use.
  [[nodiscard]] bool take_directory() noexcept;
  [[nodiscard]] bool take_file() noexcept;
  void give_back_file() noexcept { files_--; }
  [[nodiscard]] std::size_t used() const noexcept { return directories_ + files_; }

 private:
  std::size_t limit_ = 0;
  std::size_t directories_ = 0;
  std::size_t files_ = 0;
};

/// Whether errno says that the thing is not there (any more), which is no error of a cgroup: open(2) gives ENOENT, and
/// read(2) on what was opened before gives ENODEV.
[[nodiscard]] bool is_gone(int error) noexcept;

/// Opens the directory of `node` below `root` for one use, or says by errno why not; ENOENT also when another incarnation
/// has its name.
[[nodiscard]] Result<UniqueFd, int> open_by_path(int root, const Node& node) noexcept;

}  // namespace unitscope::cgroup
