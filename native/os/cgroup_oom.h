#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "os/cgroup_file_reader.h"
#include "os/cgroup_tree.h"
#include "os/kernel_log.h"

namespace unitscope::cgroup {

/// The kernel killed for want of memory: told by a counter of the victim's cgroup, and by those of all above it, or by the log.
struct OomKill {
  /// As Node::path.
  std::string path;
  /// Inode; 0 where the cgroup was gone when the log told of it.
  std::uint64_t id = 0;
  /// Of the cgroup, or of the service that made it; all NUL when unknown.
  InvocationId invocation{};
  /// memory.events, oom_kill: as told before, and as read now. Both 0 of a kill that the log told.
  std::uint64_t before = 0, after = 0;
  /// Bytes; nothing where there is no such file or no limit.
  std::optional<std::uint64_t> peak = {}, limit = {};
  /// What only the log tells; `limited_by` is empty when the machine itself had no memory left.
  std::uint32_t pid = 0;
  std::string command = {}, limited_by = {};
  std::uint64_t monotonic_ns = 0;
};

/// Finds out who was killed. The counters miss nobody whose cgroup lives long enough to be read once more, about a millisecond;
/// the log tells the process, of ten kills in five seconds at most (docs/decisions/0220). One thread at a time.
class OomFinder {
 public:
  /// Kept until they are taken: a service that loses a worker every 10 ms makes so many in 10 s.
  static constexpr std::size_t kMaxKills = 1024;

  explicit OomFinder(KernelLog log) : log_(std::move(log)) {}

  /// Readable when read_log() has something to do; -1 without a log.
  [[nodiscard]] int log_fd() const noexcept { return log_.fd(); }
  /// errno of the log that could not be opened.
  [[nodiscard]] int log_error() const noexcept { return log_.error(); }
  [[nodiscard]] std::uint64_t log_overruns() const noexcept { return log_.overruns(); }

  struct Look {
    bool read = false;
    /// Somebody was killed since the last time.
    bool grew = false;
    /// memory.events, oom_group_kill.
    std::uint64_t group_kills = 0;
  };
  /// Reads the counter. The first time of a cgroup that was there before us, nothing is told by it.
  Look look(CgroupTree& tree, FileReader& reader, Node& node);
  /// As look(), of one whose counter was read just now; whether it grew.
  bool note(CgroupTree& tree, FileReader& reader, Node& node, std::uint64_t oom_kills);
  /// Takes in what was logged so far, some records of it.
  ///
  /// \param stop  ends it early
  /// \return whether there may be more
  bool read_log(const CgroupTree& tree, const std::atomic<bool>& stop);

  [[nodiscard]] bool any() const noexcept { return !kills_.empty(); }
  [[nodiscard]] std::vector<OomKill> take() { return std::exchange(kills_, {}); }
  /// Keys of those whose counters began anew since the last call.
  [[nodiscard]] std::vector<std::uint64_t> take_shrunk() { return std::exchange(shrunk_, {}); }
  /// Keys of slices whose counters grew since the last call.
  [[nodiscard]] std::vector<std::uint64_t> take_grown() { return std::exchange(grown_, {}); }
  /// Kills for which there was no room.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

 private:
  void tell(OomKill kill);

  KernelLog log_;
  std::vector<OomKill> kills_;
  std::vector<std::uint64_t> grown_, shrunk_;
  std::uint64_t dropped_ = 0;
};

}  // namespace unitscope::cgroup
