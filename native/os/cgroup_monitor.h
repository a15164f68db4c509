#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "core/cgroup/pass.h"
#include "os/cgroup_file_reader.h"
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
};

/// Knows every cgroup below a root and what it uses: follows them as they come and go, reads all when asked, and each for the
/// last time when its last process has left. One thread at a time.
class CgroupMonitor {
 public:
  static Result<CgroupMonitor, OpenError> open(MonitorOptions options);

  /// Readable when handle_states() has something to do: at once, for systemd removes a cgroup a millisecond after its last
  /// process left. -1 when nothing is told, and all is found by walking.
  [[nodiscard]] int states_fd() noexcept { return tree_.watch().states_fd(); }
  /// Readable when handle_changes() has something to do, which can wait until more has come together: cgroups were made or
  /// removed, or systemd began another run in one. -1 as states_fd().
  [[nodiscard]] int changes_fd() noexcept { return tree_.watch().changes_fd(); }
  /// changes_fd() is readable, and it is to wait. What is taken in later was made about now: the first of it a little before.
  void changes_wait(std::uint64_t now_ns) noexcept { told_ns_ = now_ns; }
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
  CgroupMonitor(const MonitorOptions& options, CgroupTree tree)
      : groups_(options.groups), walk_interval_ns_(options.walk_interval_ns), tree_(std::move(tree)) {}

  /// The last process left, or one came.
  void changed_state(Node& node);
  void overflowed();
  /// Of those just taken in the files are opened, for at their ends there will be no time; and it may be over already.
  void get_ready();
  [[nodiscard]] bool read(Node& node, bool look_again, Sample& sample, std::vector<IoDevice>& devices);
  void tell(Pass& out, Node& node);
  void tell_ends(Pass& out);

  GroupMask groups_;
  std::uint64_t walk_interval_ns_;
  CgroupTree tree_;
  FileReader reader_;
  std::vector<IoDevice> devices_;
  bool walk_due_ = true;
  /// When the changes that wait began to; 0 when none do.
  std::uint64_t told_ns_ = 0;
  std::uint64_t walked_ns_ = 0;
  std::uint64_t passes_ = 0;
};

}  // namespace unitscope::cgroup
