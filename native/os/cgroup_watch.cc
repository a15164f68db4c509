#include "os/cgroup_watch.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

namespace unitscope::cgroup {
namespace {

// The attribute of a cgroup is told to its parent's watch too, with its name: there it is listened to.
constexpr std::uint32_t kDirectoryMask =
    IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR | IN_EXCL_UNLINK;
constexpr int kRefused = -2;

}  // namespace

CgroupWatch::CgroupWatch(std::size_t max_watches) noexcept : max_watches_(max_watches) {
  if (states_.fd() >= 0 && changes_.fd() >= 0) return;
  states_.close();
  changes_.close();
}

std::size_t CgroupWatch::fair_share() noexcept {
  std::size_t allowed = 0;
  std::ifstream("/proc/sys/fs/inotify/max_user_watches") >> allowed;
  return allowed > 0 ? allowed / 2 : SIZE_MAX;
}

int CgroupWatch::add(InotifyQueue& queue, int dir, const char* name, std::uint32_t mask) noexcept {
  if (watches() < max_watches_) return queue.add(dir, name, mask);
  errno = ENOSPC;
  return -1;
}

void CgroupWatch::follow(Node& node, int dir) noexcept {
  if (!works()) return refuse(node);
  node.watch = add(changes_, dir, ".", kDirectoryMask);
  if (node.watch < 0) return refuse(node);
  by_change_[node.watch] = {.node = &node, .what = What::kDirectory};
  // The root of the hierarchy has no such file; without a watch its cgroup only ends without a last reading.
  node.events_watch = add(states_, dir, "cgroup.events", IN_MODIFY);
  if (node.events_watch >= 0) {
    by_state_[node.events_watch] = {.node = &node, .memory = false};
  } else if (errno == ENOSPC || errno == ENOMEM) {
    remove_change(node.watch);
    refuse(node);
  }
}

void CgroupWatch::follow_controllers(Node& node, int dir) noexcept {
  if (!works() || node.control_watch >= 0) return;
  node.control_watch = add(changes_, dir, "cgroup.subtree_control", IN_MODIFY);
  if (node.control_watch >= 0) by_change_[node.control_watch] = {.node = &node, .what = What::kControllers};
}

void CgroupWatch::follow_memory(Node& node, int dir) noexcept {
  if (node.watch < 0 || node.memory_watch >= 0 || memory_watches_ >= max_watches_ / 3) return;
  node.memory_watch = add(states_, dir, "memory.events", IN_MODIFY);
  if (node.memory_watch < 0) return;  // mostly: there is no such file, as in the root of the hierarchy
  by_state_[node.memory_watch] = {.node = &node, .memory = true};
  memory_watches_++;
}

void CgroupWatch::refuse(Node& node) noexcept {
  if (node.watch == kRefused) return;
  node.watch = kRefused;
  unwatched_++;
}

void CgroupWatch::forget(Node& node) noexcept {
  if (node.watch == kRefused) unwatched_--;
  remove_change(node.watch);
  remove_change(node.control_watch);
  forget_events(node);
  if (node.memory_watch >= 0) memory_watches_--;
  remove_state(node.memory_watch);
}

void CgroupWatch::forget_events(Node& node) noexcept { remove_state(node.events_watch); }

int CgroupWatch::keep_memory(Node& node) noexcept {
  if (node.memory_watch < 0) return -1;
  by_state_[node.memory_watch] = {.node = nullptr, .memory = true};
  memory_watches_--;
  return std::exchange(node.memory_watch, -1);
}

bool CgroupWatch::stirs_late(int kept) const noexcept {
  const auto found = by_state_.find(kept);
  return found != by_state_.end() && found->second.stirred;
}

void CgroupWatch::release(int kept) noexcept { remove_state(kept); }

void CgroupWatch::remove_state(int& watch) noexcept {
  if (watch >= 0) {
    by_state_.erase(watch);
    states_.remove(watch);
  }
  watch = -1;
}

void CgroupWatch::remove_change(int& watch) noexcept {
  if (watch >= 0) {
    by_change_.erase(watch);
    changes_.remove(watch);
  }
  watch = -1;
}

bool CgroupWatch::next_state(State& state) noexcept {
  do {
    while (const inotify_event* const told = states_.next()) {
      state = {.node = nullptr, .memory = false};
      if ((told->mask & IN_Q_OVERFLOW) != 0) return true;
      // What was queued before the watch ended is of one that is not followed any more.
      const auto target = by_state_.find(told->wd);
      if (target == by_state_.end() || (told->mask & IN_MODIFY) == 0) continue;
      if (target->second.node == nullptr) {
        target->second.stirred = true;
        continue;
      }
      state = {.node = target->second.node, .memory = target->second.memory};
      return true;
    }
  } while (states_.fill());
  return false;
}

bool CgroupWatch::next(Change& change) noexcept {
  do {
    while (at_ < gathered_.size()) {
      const Gathered& next = gathered_[at_++];
      change = next.change;
      if (change.what == What::kOverflow) return true;
      // What came before may have ended the one it is of.
      const auto target = by_change_.find(next.watch);
      if (target == by_change_.end()) continue;
      change.what = target->second.what;
      change.node = target->second.node;
      return true;
    }
  } while (gather());
  return false;
}

bool CgroupWatch::gather() noexcept {
  gathered_.clear();
  at_ = 0;
  if (!changes_.fill()) return false;
  while (const inotify_event* const told = changes_.next()) gather(*told);
  return true;
}

void CgroupWatch::gather(const inotify_event& told) noexcept {
  Change change{.what = What::kDirectory, .node = nullptr, .name = "", .moved = false, .made_first = false, .gone = false, .brief = 0};
  if ((told.mask & IN_Q_OVERFLOW) != 0) {
    change.what = What::kOverflow;
    gathered_.push_back({.watch = -1, .change = change});
    return;
  }
  const bool named = told.len > 0;
  const bool made = (told.mask & (IN_CREATE | IN_MOVED_TO)) != 0, gone = (told.mask & (IN_DELETE | IN_MOVED_FROM)) != 0;
  if (named ? (told.mask & IN_ISDIR) == 0 : (told.mask & IN_MODIFY) == 0) return;
  if (named) change.name = told.name;
  const auto before = std::find_if(gathered_.rbegin(), gathered_.rend(), [&](const Gathered& other) {
    return other.watch == told.wd && std::strcmp(other.change.name, change.name) == 0;
  });
  if (before != gathered_.rend()) {
    // The later place is the right one: a directory is removed after all that happened in it.
    before->watch = -1;
    change = before->change;
  }
  if (gone && change.moved && !change.gone) change.brief++;
  if (made && !change.moved) change.made_first = true;
  if (made || gone) {
    change.moved = true;
    change.gone = gone;
  }
  gathered_.push_back({.watch = told.wd, .change = change});
}

}  // namespace unitscope::cgroup
