#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/cgroup/files.h"
#include "os/unique_fd.h"

namespace unitscope::cgroup {

/// systemd's invocation ID, 32 hex digits; all NUL when it set none.
using InvocationId = std::array<char, 32>;

/// One reading, kept after its cgroup is gone.
struct Reading {
  Sample sample;
  std::vector<IoDevice> devices;
  std::uint64_t monotonic_ns = 0;
};

/// One cgroup directory, from its making to its removal. Its descriptors belong to this incarnation: after the directory was
/// removed and made again they answer ENODEV or ENOENT, never the successor's numbers.
struct Node {
  /// Below the root, without leading slash, as the bytes the kernel gave; empty for the root itself.
  std::string path;
  /// Never used again within one tree.
  std::uint64_t key = 0;
  /// Inode; on a 64-bit kernel the cgroup id, which is never used again (kernfs_idr).
  std::uint64_t id = 0;
  InvocationId invocation{};
  /// Monotonic time at which it was made, or a little before; 0 when unknown.
  std::uint64_t made_ns = 0;
  /// Monotonic time of the last reading; 0 before the first.
  std::uint64_t read_ns = 0;
  /// Number of the walk that saw it last.
  std::uint64_t walk = 0;
  /// Nobody wants its numbers.
  bool ignored = false;
  /// The consumer knows its name and its run.
  bool told = false;
  /// The consumer has ever been told of it, and so must hear of its end.
  bool introduced = false;

  /// Invalid where the descriptor budget is used up: then it is opened by path, and checked by id, for each use.
  UniqueFd dir;
  /// Kept open between readings as far as the budget allows; by index in kFiles.
  std::array<UniqueFd, kFileCount> files;
  /// Bit i: kFiles[i] was not there when it was last looked for.
  std::uint32_t absent = 0;
  /// The parent's `absent_below` knows of it.
  bool learned = false;
  /// Bit i: kFiles[i] was in no child that was looked at. Which files there are is the parent's to say (cgroup.subtree_control),
  /// so a new child is not looked at for these. Nothing before the first was.
  std::optional<std::uint32_t> absent_below;
  /// Watch descriptors of the directory, cgroup.events, cgroup.subtree_control and memory.events; -1 for none.
  int watch = -1;
  int events_watch = -1;
  int control_watch = -1;
  int memory_watch = -1;
  /// Processes in it and below that the kernel killed for want of memory, as far as told; nothing before the first reading.
  std::optional<std::uint64_t> oom_kills;
  /// `oom_kills` was read after the last process had left, and nothing was told of it since: there are no more.
  bool oom_final = false;
  /// When memory.events was told of last; 0 never.
  std::uint64_t stirred_ns = 0;
  /// Made when the last process had left; nothing while there are any, and once the consumer has these numbers or newer ones.
  std::unique_ptr<Reading> final;
  /// The consumer has numbers from after the last process had left.
  bool final_told = false;
};
static_assert(kFileCount <= 32, "absence is one bit per file");

/// What went wrong, and what was done, since the tree was opened. Each only grows.
struct Counters {
  /// Files whose text was refused, by index in kFiles.
  std::array<std::uint64_t, kFileCount> parse_errors{};
  /// Cgroups that were gone when they were to be read: normal while units stop.
  std::uint64_t vanished = 0;
  /// Other failures of a system call by errno (EACCES, EMFILE, EIO): neither missing nor malformed.
  std::map<int, std::uint64_t> io_errors;
  /// Full walks, and cgroups that only a later walk found though all directories were watched.
  std::uint64_t walks = 0;
  std::uint64_t missed = 0;
  /// Times the kernel's queue of changes ran over (fs.inotify.max_queued_events).
  std::uint64_t overflows = 0;
  /// Removed cgroups that were to be read, by what is known of their ends: numbers from after the last process had left; older
  /// ones; and nothing at all, or nothing for which there was room.
  std::uint64_t ends_read = 0;
  std::uint64_t ends_unread = 0;
  std::uint64_t ends_lost = 0;
  /// Removed cgroups that were never taken in: made and removed before anybody looked, or empty each time somebody did.
  std::uint64_t ends_brief = 0;
};

/// How many descriptors may stay open between readings: what RLIMIT_NOFILE leaves, and `max_files` for files. First come,
/// first kept (docs/decisions/0121): all cgroups are read in turn, and a least-recently-used cache smaller than such a cycle
/// never hits.
class FdBudget {
 public:
  explicit FdBudget(std::size_t max_files) noexcept : max_files_(max_files) { refresh(); }
  /// Reads RLIMIT_NOFILE, which prlimit(1) may change at any time.
  void refresh() noexcept;
  /// Takes room for one more; false when there is none and the caller must close its descriptor after use.
  [[nodiscard]] bool take_directory() noexcept;
  [[nodiscard]] bool take_file() noexcept;
  /// Closes what the node holds, and gives the room back.
  void close(Node& node) noexcept;
  void close(UniqueFd& file) noexcept;
  /// A limit that was lowered: descriptors must be closed.
  [[nodiscard]] bool exceeded() const noexcept { return used() > limit_; }
  [[nodiscard]] std::size_t used() const noexcept { return directories_ + files_; }

 private:
  std::size_t max_files_;
  std::size_t limit_ = 0;
  std::size_t directories_ = 0;
  std::size_t files_ = 0;
};

/// Whether errno says that the thing is not there (any more), which is no error of a cgroup: open(2) gives ENOENT, and
/// read(2) on what was opened before gives ENODEV.
[[nodiscard]] bool is_gone(int error) noexcept;

/// A directory for one use: the node's own descriptor, or one that is closed afterwards.
struct Directory {
  int fd = -1;
  /// errno when `fd` is -1; ENOENT also when another incarnation has its name.
  int error = 0;
  UniqueFd temporary = {};
};
[[nodiscard]] Directory open_directory(int root, const Node& node) noexcept;

}  // namespace unitscope::cgroup
