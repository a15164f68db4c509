#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "os/cgroup_node.h"

namespace unitscope::cgroup {

/// Tells what happens in cgroup directories, by inotify(7). One watch per directory (what is made, removed, or given an
/// attribute in it), one per cgroup.events (its last process left), and one per cgroup.subtree_control of those that have
/// children (which files these have). One thread at a time.
class CgroupWatch {
 public:
  /// \param max_watches  taken at most
  explicit CgroupWatch(std::size_t max_watches) noexcept;
  /// Half of what the kernel allows one user: PID 1, root as the agent is, sees from its own watches that services ended.
  [[nodiscard]] static std::size_t fair_share() noexcept;

  /// Readable when something happened; -1 when the kernel gives no inotify instance.
  [[nodiscard]] int fd() const noexcept { return inotify_.get(); }
  /// Whether every directory that was to be followed is.
  [[nodiscard]] bool whole() const noexcept { return inotify_.valid() && unwatched_ == 0; }
  [[nodiscard]] std::size_t watches() const noexcept { return targets_.size(); }
  [[nodiscard]] std::size_t unwatched() const noexcept { return unwatched_; }
  /// Whether follow() may succeed.
  [[nodiscard]] bool has_room() const noexcept { return inotify_.valid() && targets_.size() < max_watches_; }

  /// Begins to watch; what happened in `dir` before is the caller's to find. Counted as unwatched where the kernel has no
  /// watch left (fs.inotify.max_user_watches), or `max_watches` are taken.
  void follow(Node& node, int dir) noexcept;
  /// Its directory cannot be opened, and so not be followed.
  void refuse(Node& node) noexcept;
  /// Also tells when the controllers of its children change.
  void follow_controllers(Node& node, int dir) noexcept;
  /// Ends all watches.
  void forget(Node& node) noexcept;
  /// Ends the watch of cgroup.events.
  void forget_events(Node& node) noexcept;

  enum class What : std::uint8_t { kMade, kRemoved, kAttribute, kState, kControllers, kOverflow };
  struct Event {
    What what;
    Node* node;        ///< the directory it happened in; kState, kControllers: the cgroup itself; kOverflow: none
    const char* name;  ///< of the subdirectory; valid until the next call
  };
  /// What is queued now is what next() gives; what happens from here on waits for the next call. Without this bound a user
  /// who owns a directory could keep the caller's loop going for ever, by changing its attributes.
  void begin() noexcept;
  /// The next event of one that is still followed; false when there are none left of those queued at begin().
  [[nodiscard]] bool next(Event& event) noexcept;

 private:
  struct Target {
    Node* node;
    /// Of the file; kMade for the directory.
    What what;
  };
  [[nodiscard]] int add(int dir, const char* name, std::uint32_t mask) noexcept;
  void remove(int& watch) noexcept;

  UniqueFd inotify_;
  std::size_t max_watches_;
  std::unordered_map<int, Target> targets_;
  std::size_t unwatched_ = 0;
  /// Bytes of events yet to be read from the kernel: at most fs.inotify.max_queued_events of them.
  std::size_t queued_ = 0;
  /// Some 300 events of systemd's names at once; inotify(7) wants room for one with the longest name, 272 bytes.
  alignas(8) std::array<char, 16384> buffer_;
  std::size_t size_ = 0;
  std::size_t at_ = 0;
};

}  // namespace unitscope::cgroup
