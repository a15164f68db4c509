#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "os/cgroup_node.h"
#include "os/inotify_queue.h"

namespace unitscope::cgroup {

/// Tells what happens in cgroup directories, by inotify(7), in two queues (docs/decisions/0125). What cannot wait: the last
/// process of a cgroup left (one watch per cgroup.events), memory ran out (one per memory.events). What can: directories are
/// made, removed, or given an attribute (one watch per directory), and the files of children change (one per
/// cgroup.subtree_control of those that have children). One thread at a time.
class CgroupWatch {
 public:
  /// \param max_watches  taken at most
  explicit CgroupWatch(std::size_t max_watches) noexcept;
  /// Half of what the kernel allows one user: PID 1, root as the agent is, sees from its own watches that services ended.
  [[nodiscard]] static std::size_t fair_share() noexcept;

  /// Each readable when something happened; both -1 when the kernel does not give two inotify instances.
  [[nodiscard]] int states_fd() const noexcept { return states_.fd(); }
  [[nodiscard]] int changes_fd() const noexcept { return changes_.fd(); }
  [[nodiscard]] bool works() const noexcept { return changes_.fd() >= 0; }
  /// Whether every directory that was to be followed is.
  [[nodiscard]] bool whole() const noexcept { return works() && unwatched_ == 0; }
  [[nodiscard]] std::size_t watches() const noexcept { return by_state_.size() + by_change_.size(); }
  /// Those of memory.events among them.
  [[nodiscard]] std::size_t memory_watches() const noexcept { return memory_watches_; }
  [[nodiscard]] std::size_t unwatched() const noexcept { return unwatched_; }
  /// Whether follow() may succeed.
  [[nodiscard]] bool has_room() const noexcept { return works() && watches() < max_watches_; }

  /// Begins to watch; what happened in `dir` before is the caller's to find. Counted as unwatched where the kernel has no
  /// watch left (fs.inotify.max_user_watches), or `max_watches` are taken.
  void follow(Node& node, int dir) noexcept;
  /// Its directory cannot be opened, and so not be followed.
  void refuse(Node& node) noexcept;
  /// Also tells when the controllers of its children change.
  void follow_controllers(Node& node, int dir) noexcept;
  /// Also tells when memory runs out in it or below. A third of all watches at most: without it only the last reading of a
  /// cgroup shows that, without the others a cgroup is not followed at all.
  void follow_memory(Node& node, int dir) noexcept;
  /// Ends all watches.
  void forget(Node& node) noexcept;
  /// Ends the watch of cgroup.events.
  void forget_events(Node& node) noexcept;
  /// Leaves the watch of memory.events on when forget() comes: what the kernel has to tell of it comes late at times.
  ///
  /// \return  for stirs_late() and release(); -1 without one
  [[nodiscard]] int keep_memory(Node& node) noexcept;
  /// Whether one that was kept was told of since.
  [[nodiscard]] bool stirs_late(int kept) const noexcept;
  void release(int kept) noexcept;

  /// What next_state() gives is what is queued now (os/inotify_queue.h).
  void begin_states() noexcept { states_.begin(); }
  struct State {
    Node* node;  ///< whose last process left, or where one came; null: the kernel had more to tell than it keeps
    bool memory;  ///< not that: its memory.events changed
  };
  /// The next of one that is still followed; false when there are none left.
  [[nodiscard]] bool next_state(State& state) noexcept;

  enum class What : std::uint8_t { kDirectory, kControllers, kOverflow };
  /// All that was told of one directory in what was read at once, and so is to be looked at once.
  struct Change {
    What what;
    Node* node;        ///< the directory it happened in; kControllers: the cgroup itself; kOverflow: none
    const char* name;  ///< of the subdirectory; valid until the next call
    /// It was made or removed, not only given an attribute; it was made first; it was removed last.
    bool moved, made_first, gone;
    /// How often one was removed that had been made in between: most were never there when somebody looked.
    std::uint32_t brief;
  };
  void begin() noexcept { changes_.begin(); }
  /// The next change in a directory that is still followed, in the order of the last of what each sums up; false when there
  /// are none left.
  [[nodiscard]] bool next(Change& change) noexcept;

 private:
  struct Target {
    Node* node;
    What what;
  };
  struct Gathered {
    int watch;  ///< -1: another that comes later has taken it in
    Change change;
  };
  [[nodiscard]] int add(InotifyQueue& queue, int dir, const char* name, std::uint32_t mask) noexcept;
  /// Sums up what the kernel tells by directory, as far as it is read at once; false when there is no more.
  [[nodiscard]] bool gather() noexcept;
  void gather(const inotify_event& told) noexcept;
  void remove_change(int& watch) noexcept;
  void remove_state(int& watch) noexcept;

  InotifyQueue states_;
  InotifyQueue changes_;
  std::size_t max_watches_;
  struct Urgent {
    Node* node;  ///< null: kept
    bool memory;
    bool stirred = false;  ///< told of since it is kept
  };
  std::unordered_map<int, Urgent> by_state_;
  std::size_t memory_watches_ = 0;
  std::unordered_map<int, Target> by_change_;
  std::size_t unwatched_ = 0;
  /// At most as many as a buffer holds of events without a name: 1024.
  std::vector<Gathered> gathered_;
  std::size_t at_ = 0;
};

}  // namespace unitscope::cgroup
