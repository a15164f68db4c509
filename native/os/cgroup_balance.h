#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "os/cgroup_file_reader.h"
#include "os/cgroup_oom.h"
#include "os/cgroup_tree.h"

namespace unitscope::cgroup {

/// Kills for want of memory that only a slice has counted: they were in cgroups that nobody could read any more.
struct OomLoss {
  /// As Node::path.
  std::string slice;
  std::uint64_t kills = 0;
  /// Whole cgroups were killed at once (memory.oom.group) in the slice meanwhile.
  bool grouped = false;
  /// All that it can have been is among the suspects.
  bool complete = true;
  struct Suspect {
    std::string path;
    /// As Departed.
    std::uint64_t id = 0;
    InvocationId invocation{};
    /// Its memory.events had changed: it was at its limit, or somebody was killed. Of one that was not watched nobody knows.
    bool stirred = false;
    /// When it was found gone.
    std::uint64_t monotonic_ns = 0;
  };
  std::vector<Suspect> suspects = {};
};

/// Keeps for each slice the balance of its oom_kill counter and those of what lies, and lay, in it. systemd removes the cgroup of
/// a run within a millisecond of its last process, and what it had counted goes with it; the slice stays, and was counted up
/// before the process was killed (__oom_kill_process, mm/oom_kill.c). Why that is sure: docs/decisions/0280. One thread at a time.
class OomBalance {
 public:
  /// After a kill what tells of it is complete: notices come up to 10 ms late (CGROUP_FILE_NOTIFY_MIN_INTV), and by a work queue,
  /// and systemd removes the cgroups. While there are more it is waited for these, up to four times as long.
  static constexpr std::uint64_t kSettleNs = 250'000'000;
  /// Cgroups kept in mind, of all slices: those that ended within a second of a kill, on a machine that crash-loops as fast as it can.
  static constexpr std::size_t kMaxSuspects = 1024;
  /// Losses kept until they are taken.
  static constexpr std::size_t kMaxLosses = 64;

  /// Who reads the counters, and tells of those that grew.
  struct Eyes {
    CgroupTree& tree;
    FileReader& reader;
    OomFinder& finder;
  };

  /// What a slice has counted is to be balanced in a while.
  void expect(Eyes eyes, const std::vector<std::uint64_t>& grown, std::uint64_t now_ns);
  /// Takes CgroupTree::departed().
  void take_departed(Eyes eyes, std::uint64_t now_ns);
  /// Of what lies in it other controllers are on, or off. Mostly that is none of ours: a service with Delegate= or CPUWeight= came.
  void check_controllers(CgroupTree& tree, const Node& node);
  /// These counters began anew (keys).
  void forget(CgroupTree& tree, const std::vector<std::uint64_t>& shrunk);
  void forget_all(CgroupTree& tree);
  /// Begins to balance the slices of which nothing is known.
  void begin(Eyes eyes, std::uint64_t now_ns);
  /// When balance() is to be called; UINT64_MAX: no slice waits.
  [[nodiscard]] std::uint64_t due_ns() const noexcept { return std::min(due_ns_, begin_ns_); }
  /// Balances those that are due. All that the kernel has told is to be taken in before.
  void balance(Eyes eyes, std::uint64_t now_ns);
  [[nodiscard]] std::vector<OomLoss> take() { return std::exchange(losses_, {}); }
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

 private:
  struct Suspect {
    Departed gone;
    std::uint64_t monotonic_ns;
  };
  struct Slice {
    /// Kills that are known: those of before us, and of what is gone; nothing until begun.
    std::optional<std::uint64_t> accounted = {};
    /// Its counters when they were balanced last, and when they were last seen to be so.
    std::uint64_t settled = 0, grouped = 0, calm_ns = 0;
    /// 0: it does not wait; and when it waits no longer for others.
    std::uint64_t due_ns = 0, latest_ns = 0;
    unsigned tries = 0;
    /// There was no room for a suspect.
    bool crowded = false;
    std::vector<Suspect> suspects = {};
  };
  /// The counter of the slice and of all in it, read so that no kill came in between; nothing when that was not to be had.
  struct Sum {
    std::uint64_t kills, below, grouped;
    /// There is something in it that has no counter of its own.
    bool gaps;
  };

  [[nodiscard]] Slice& at(const Node& node);
  [[nodiscard]] static std::optional<Sum> sum(Eyes eyes, Node& node);
  void await(Slice& slice, std::uint64_t now_ns) noexcept;
  void balance(Eyes eyes, Node& node, Slice& slice, std::uint64_t now_ns);
  [[nodiscard]] static bool was_calm(CgroupTree& tree, const Suspect& suspect, const Slice& slice);
  void tell(CgroupTree& tree, const Node& node, const Slice& slice, const Sum& sum, std::uint64_t kills);
  void acquit(CgroupTree& tree, Slice& slice);
  /// Nothing is known of it any more, until it is begun anew.
  void give_up(CgroupTree& tree, Slice& slice);

  std::unordered_map<std::uint64_t, Slice> slices_;
  std::size_t suspects_ = 0;
  std::uint64_t due_ns_ = UINT64_MAX;
  /// When those are begun of which nothing is known.
  std::uint64_t begin_ns_ = UINT64_MAX;
  std::vector<OomLoss> losses_;
  std::uint64_t dropped_ = 0;
};

}  // namespace unitscope::cgroup
