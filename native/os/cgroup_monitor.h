#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "core/cgroup/pass.h"
#include "os/cgroup_balance.h"
#include "os/cgroup_file_reader.h"
#include "os/cgroup_oom.h"
#include "os/cgroup_tree.h"

namespace unitscope::cgroup {

struct MonitorOptions {
  TreeOptions tree;
  GroupMask groups = 0;
  /// The tree is walked after this long although the kernel tells of every change.
  std::uint64_t walk_interval_ns = 0;
};

struct MonitorStats {
  Counters counters;
  std::size_t cgroups = 0;
  std::size_t skipped = 0;
  std::size_t open_fds = 0;
  std::size_t watches = 0;
  std::size_t unwatched = 0;
  std::size_t native_bytes = 0;
  /// errno of the kernel's log that could not be opened; 0 when it is read, or was not asked for.
  int log_error = 0;
  std::uint64_t log_overruns = 0;
  std::uint64_t kills_dropped = 0;
};

/// Knows every cgroup below a root and what it uses: follows them as they come and go, reads all when asked, and each for the
/// last time when its last process has left; and tells where the kernel killed for want of memory. One thread at a time.
class CgroupMonitor {
 public:
  /// \param log  of the kernel, if it is to be asked: only where the root is that of all cgroups, for the log names those
  static Result<CgroupMonitor, OpenError> open(MonitorOptions options, KernelLog log = {});

  /// Readable when handle_states() has something to do: at once, for systemd removes a cgroup a millisecond after its last
  /// process left. -1 when nothing is told, and all is found by walking.
  [[nodiscard]] int states_fd() noexcept { return tree_.watch().states_fd(); }
  /// Readable when handle_changes() has something to do, which can wait until more has come together: cgroups were made or
  /// removed, or systemd began another run in one. -1 as states_fd().
  [[nodiscard]] int changes_fd() noexcept { return tree_.watch().changes_fd(); }
  /// changes_fd() is readable, and it is to wait. What is taken in later was made about now: the first of it a little before.
  void changes_wait(std::uint64_t now_ns) noexcept { told_ns_ = now_ns; }
  /// Readable when handle_log() has something to do; -1 without a log.
  [[nodiscard]] int log_fd() const noexcept { return oom_.log_fd(); }
  /// Somebody was killed, perhaps in a cgroup that is new: handle_changes() is not to wait.
  [[nodiscard]] bool hurries() const noexcept { return hurries_; }
  /// Whether handle_changes() is to be called again although nothing may be told: there are new cgroups in which nothing ran yet.
  [[nodiscard]] bool anything_waits() const noexcept { return tree_.any_waits(); }
  /// Reads those whose last process has left, as far as the kernel has told so far.
  ///
  /// \param stop  ends it early
  void handle_states(const std::atomic<bool>& stop);
  /// Takes in all that the kernel has told so far, states too.
  ///
  /// \param stop  ends it early
  void handle_changes(const std::atomic<bool>& stop);
  void handle_log(const std::atomic<bool>& stop) { oom_.read_log(tree_, stop); }
  /// Kills since the last call. Those of one process: of its cgroup, and of all above it. Of those that counters told of the log
  /// tells, too, and it is read as far as that.
  ///
  /// \param stop  ends it early
  [[nodiscard]] std::vector<OomKill> take_kills(const std::atomic<bool>& stop);
  /// When balance() is to be called, monotonic; UINT64_MAX: not at all as yet.
  [[nodiscard]] std::uint64_t balance_ns() const noexcept { return balance_.due_ns(); }
  /// Takes in all changes, and finds the kills that only a slice has counted.
  ///
  /// \param stop  ends it early
  void balance(std::uint64_t now_ns, const std::atomic<bool>& stop);
  [[nodiscard]] std::vector<OomLoss> take_losses() { return balance_.take(); }
  /// Reads every cgroup that is not ignored, and tells the ends of those that are gone.
  ///
  /// \param stop  ends it early; `out` is incomplete then, and for nobody
  void pass(Pass& out, const std::atomic<bool>& stop);
  /// Does not read this one again; unknown keys are of cgroups that ended meanwhile.
  void ignore(std::uint64_t key);
  /// The cgroup, if it is still there; for the caller's next call only.
  [[nodiscard]] const Node* find(std::uint64_t key) noexcept { return tree_.find(key); }
  [[nodiscard]] Directory open(const Node& node) noexcept { return open_directory(tree_.root(), node); }
  [[nodiscard]] MonitorStats stats();

 private:
  CgroupMonitor(const MonitorOptions& options, CgroupTree tree, KernelLog log)
      : groups_(options.groups), walk_interval_ns_(options.walk_interval_ns), tree_(std::move(tree)), oom_(std::move(log)) {}

  /// Looks for kills in those whose memory.events changed; the others that are told of are left to the caller.
  void listen_for_kills(std::vector<Node*>& changed);
  /// The last process left, or one came.
  void changed_state(Node& node);
  void overflowed();
  /// What grew and what ended since the last call is entered in the balance of its slice.
  void enter();
  [[nodiscard]] OomBalance::Eyes eyes() noexcept { return {.tree = tree_, .reader = reader_, .finder = oom_}; }
  /// Of those just taken in the files are opened, for at their ends there will be no time; and it may be over already.
  void get_ready();
  [[nodiscard]] bool read(Node& node, bool look_again, Sample& sample, std::vector<IoDevice>& devices);
  void tell(Pass& out, Node& node);
  void tell_ends(Pass& out);

  GroupMask groups_;
  std::uint64_t walk_interval_ns_;
  CgroupTree tree_;
  FileReader reader_;
  OomFinder oom_;
  OomBalance balance_;
  bool hurries_ = false;
  std::vector<IoDevice> devices_;
  bool walk_due_ = true;
  /// When the changes that wait began to; 0 when none do.
  std::uint64_t told_ns_ = 0;
  std::uint64_t walked_ns_ = 0;
  std::uint64_t passes_ = 0;
};

}  // namespace unitscope::cgroup
