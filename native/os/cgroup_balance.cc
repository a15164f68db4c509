#include "os/cgroup_balance.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "os/clock.h"

namespace unitscope::cgroup {
namespace {

/// A notice that was held back is of a kill at most so much younger than the one before: CGROUP_FILE_NOTIFY_MIN_INTV is 10 ms,
/// and a tick of 100 Hz as much; the rest is for the work queue.
constexpr std::uint64_t kHeldBackNs = 50'000'000;
/// Kills came while the counters were read: they are read again after so long, and so often.
constexpr std::uint64_t kRetryNs = 50'000'000;
constexpr unsigned kMaxTries = 20;
/// What could not be begun is begun again.
constexpr std::uint64_t kBeginAgainNs = 1'000'000'000;

/// Calls `what` for each cgroup that lies in the slice itself.
template <typename What>
void each_in(const CgroupTree& tree, const Node& slice, What what) {
  const std::string below = slice.path + '/';
  for (auto at = tree.nodes().lower_bound(below); at != tree.nodes().end() && at->first.starts_with(below); ++at)
    if (at->first.find('/', below.size()) == std::string_view::npos) what(*at->second);
}

std::uint64_t counted_in(const CgroupTree& tree, const Node& slice) {
  std::uint64_t kills = 0;
  each_in(tree, slice, [&](const Node& child) { kills += child.oom_kills.value_or(0); });
  return kills;
}

}  // namespace

OomBalance::Slice& OomBalance::at(const Node& node) {
  const auto [found, made] = slices_.try_emplace(node.key);
  // What was made before our eyes has counted nothing yet.
  if (made && node.made_ns != 0) {
    found->second.accounted = 0;
    found->second.calm_ns = node.made_ns;
  }
  return found->second;
}

void OomBalance::await(Slice& slice, std::uint64_t now_ns) noexcept {
  if (slice.due_ns == 0) slice.latest_ns = now_ns + 4 * kSettleNs;
  slice.due_ns = std::min(now_ns + kSettleNs, slice.latest_ns);
  due_ns_ = std::min(due_ns_, slice.due_ns);
}

void OomBalance::expect(Eyes eyes, const std::vector<std::uint64_t>& grown, std::uint64_t now_ns) {
  for (const std::uint64_t key : grown)
    if (const Node* const node = eyes.tree.find(key); node != nullptr && node->oom_kills != at(*node).settled) await(at(*node), now_ns);
}

void OomBalance::take_departed(Eyes eyes, std::uint64_t now_ns) {
  CgroupTree& tree = eyes.tree;
  if (tree.departed().size() > CgroupTree::kMaxDeparted) forget_all(tree);
  std::set<std::uint64_t> touched;
  for (Departed& gone : tree.departed()) {
    const Node* const node = tree.find(gone.slice);
    Slice* const slice = node == nullptr ? nullptr : &at(*node);
    if (slice == nullptr || !slice->accounted) {
      tree.watch().release(gone.watch);
    } else if (gone.unknown || is_slice(gone.path)) {
      tree.watch().release(gone.watch);
      give_up(tree, *slice);
    } else {
      *slice->accounted += gone.oom_kills.value_or(0);
      if (gone.oom_final) continue;
      if (suspects_ >= kMaxSuspects) {
        slice->crowded = true;
        tree.watch().release(gone.watch);
        continue;
      }
      touched.insert(gone.slice);
      suspects_++;
      slice->suspects.push_back({.gone = std::move(gone), .monotonic_ns = now_ns});
    }
  }
  tree.departed().clear();
  for (const std::uint64_t key : touched) {
    Node& node = *tree.find(key);
    Slice& slice = slices_[key];
    if (!eyes.finder.look(tree, eyes.reader, node).read) {
      give_up(tree, slice);
    } else if (node.oom_kills == slice.settled) {
      // Who was killed is counted here before he dies.
      slice.calm_ns = now_ns;
      acquit(tree, slice);
    } else if (slice.due_ns == 0) {
      await(slice, now_ns);
    }
  }
}

void OomBalance::check_controllers(CgroupTree& tree, const Node& node) {
  const auto found = slices_.find(node.key);
  if (found == slices_.end()) return;
  std::array<char, 256> text;  // `cpuset cpu io memory hugetlb pids rdma misc` is the longest today
  ssize_t size = -1;
  if (const Directory dir = open_directory(tree.root(), node); dir.fd >= 0) {
    const UniqueFd file(openat(dir.fd, "cgroup.subtree_control", O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (file) size = read(file.get(), text.data(), text.size());
  }
  const std::string_view controllers(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  if (controllers.find("memory") == std::string_view::npos) give_up(tree, found->second);
}

void OomBalance::forget(CgroupTree& tree, const std::vector<std::uint64_t>& shrunk) {
  for (const std::uint64_t key : shrunk) {
    const Node* const node = tree.find(key);
    const auto parent = node == nullptr ? tree.nodes().end() : tree.nodes().find(parent_of(node->path));
    for (const std::uint64_t one : {key, parent == tree.nodes().end() ? key : parent->second->key})
      if (const auto found = slices_.find(one); found != slices_.end()) give_up(tree, found->second);
  }
}

void OomBalance::forget_all(CgroupTree& tree) {
  for (auto& [key, slice] : slices_) give_up(tree, slice);
}

std::optional<OomBalance::Sum> OomBalance::sum(Eyes eyes, Node& node) {
  const OomFinder::Look before = eyes.finder.look(eyes.tree, eyes.reader, node);
  if (!before.read) return {};
  Sum out{.kills = *node.oom_kills, .below = 0, .grouped = before.group_kills, .gaps = false};
  bool steady = true;
  each_in(eyes.tree, node, [&](Node& child) {
    if (eyes.finder.look(eyes.tree, eyes.reader, child).read) return;
    // Without the controller it is the slice that counts for it; otherwise it is gone, and not yet taken from the tree.
    if (child.memory_watch < 0 && child.oom_kills.value_or(1) == 0) out.gaps = true;
    else steady = false;
  });
  out.below = counted_in(eyes.tree, node);
  const OomFinder::Look after = eyes.finder.look(eyes.tree, eyes.reader, node);
  if (!steady || !after.read || node.oom_kills != out.kills) return {};
  return out;
}

void OomBalance::begin(Eyes eyes, std::uint64_t now_ns) {
  CgroupTree& tree = eyes.tree;
  begin_ns_ = UINT64_MAX;
  for (auto slice = slices_.begin(); slice != slices_.end();) {
    const bool gone = tree.find(slice->first) == nullptr;
    if (gone) give_up(tree, slice->second);
    slice = gone ? slices_.erase(slice) : std::next(slice);
  }
  for (const auto& [path, owned] : tree.nodes()) {
    if (!is_slice(path)) continue;
    Slice& slice = at(*owned);
    if (slice.accounted) continue;
    const std::uint64_t calm_ns = monotonic_ns();
    const std::optional<Sum> found = sum(eyes, *owned);
    if (!found || found->kills < found->below) {
      // There are kills or ends just now; otherwise there is nothing to be counted, or not for those in it (memory_localevents).
      if (!found && owned->memory_watch >= 0) begin_ns_ = now_ns + kBeginAgainNs;
      continue;
    }
    slice.accounted = found->kills - found->below;
    slice.settled = found->kills;
    slice.grouped = found->grouped;
    slice.calm_ns = calm_ns;
  }
}

void OomBalance::balance(Eyes eyes, std::uint64_t now_ns) {
  if (begin_ns_ <= now_ns) begin(eyes, now_ns);
  std::uint64_t next = UINT64_MAX;
  for (auto& [key, slice] : slices_) {
    if (slice.due_ns != 0 && slice.due_ns <= now_ns) {
      slice.due_ns = 0;
      Node* const node = eyes.tree.find(key);
      if (node == nullptr) give_up(eyes.tree, slice);
      else if (slice.accounted) balance(eyes, *node, slice, now_ns);
    }
    if (slice.due_ns != 0) next = std::min(next, slice.due_ns);
  }
  due_ns_ = next;
}

void OomBalance::balance(Eyes eyes, Node& node, Slice& slice, std::uint64_t now_ns) {
  CgroupTree& tree = eyes.tree;
  const std::uint64_t calm_ns = monotonic_ns();
  const OomFinder::Look look = eyes.finder.look(tree, eyes.reader, node);
  if (!look.read) return give_up(tree, slice);
  Sum found{.kills = *node.oom_kills, .below = counted_in(tree, node), .grouped = look.group_kills, .gaps = false};
  // What is known of the others was read before: it is no more than they had counted by now, and so is it told of nobody that
  // there is a kill too many.
  if (found.kills > found.below + *slice.accounted) {
    const std::optional<Sum> read = sum(eyes, node);
    if (!read && slice.tries++ < kMaxTries) {
      slice.due_ns = now_ns + kRetryNs;
      return;
    }
    if (!read) return give_up(tree, slice);
    forget(tree, eyes.finder.take_shrunk());
    if (!slice.accounted) return;
    found = *read;
  }
  const std::uint64_t known = found.below + *slice.accounted;
  // A counter began anew.
  if (found.kills < known) return give_up(tree, slice);
  if (found.kills > known) {
    tell(tree, node, slice, found, found.kills - known);
    *slice.accounted += found.kills - known;
  }
  slice.settled = found.kills;
  slice.grouped = found.grouped;
  slice.calm_ns = calm_ns;
  acquit(tree, slice);
}

bool OomBalance::was_calm(CgroupTree& tree, const Suspect& suspect, const Slice& slice) {
  const Departed& gone = suspect.gone;
  if (!gone.oom_kills || !gone.stirred_ns || tree.watch().stirs_late(gone.watch)) return false;
  return *gone.stirred_ns == 0 || *gone.stirred_ns + kHeldBackNs < slice.calm_ns;
}

void OomBalance::tell(CgroupTree& tree, const Node& node, const Slice& slice, const Sum& sum, std::uint64_t kills) {
  if (losses_.size() >= kMaxLosses) {
    dropped_ += kills;
    return;
  }
  OomLoss loss{.slice = node.path, .kills = kills, .grouped = sum.grouped > slice.grouped};
  loss.complete = !slice.crowded && !sum.gaps && tree.whole();
  for (const Suspect& suspect : slice.suspects) {
    if (was_calm(tree, suspect, slice)) continue;
    const Departed& gone = suspect.gone;
    const bool stirred = gone.stirred_ns.value_or(0) != 0 || tree.watch().stirs_late(gone.watch);
    loss.suspects.push_back(
        {.path = gone.path, .id = gone.id, .invocation = gone.invocation, .stirred = stirred, .monotonic_ns = suspect.monotonic_ns});
  }
  losses_.push_back(std::move(loss));
}

void OomBalance::acquit(CgroupTree& tree, Slice& slice) {
  for (const Suspect& suspect : slice.suspects) tree.watch().release(suspect.gone.watch);
  suspects_ -= slice.suspects.size();
  slice.suspects.clear();
  slice.crowded = false;
  slice.tries = 0;
}

void OomBalance::give_up(CgroupTree& tree, Slice& slice) {
  if (slice.accounted) begin_ns_ = std::min(begin_ns_, monotonic_ns() + kSettleNs);
  slice.accounted.reset();
  slice.due_ns = 0;
  acquit(tree, slice);
}

}  // namespace unitscope::cgroup
