#include "os/cgroup_watch.h"

#include <sys/inotify.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <fstream>

namespace unitscope::cgroup {
namespace {

// The attribute of a cgroup is told to its parent's watch too, with its name: there it is listened to.
constexpr std::uint32_t kDirectoryMask =
    IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR | IN_EXCL_UNLINK;
constexpr int kRefused = -2;

}  // namespace

CgroupWatch::CgroupWatch(std::size_t max_watches) noexcept
    : inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)), max_watches_(max_watches) {}

std::size_t CgroupWatch::fair_share() noexcept {
  std::size_t allowed = 0;
  std::ifstream("/proc/sys/fs/inotify/max_user_watches") >> allowed;
  return allowed > 0 ? allowed / 2 : SIZE_MAX;
}

int CgroupWatch::add(int dir, const char* name, std::uint32_t mask) noexcept {
  if (targets_.size() >= max_watches_) {
    errno = ENOSPC;
    return -1;
  }
  // By descriptor, so that it is this incarnation which is watched.
  std::array<char, 64> path;
  std::snprintf(path.data(), path.size(), "/proc/self/fd/%d/%s", dir, name);
  return inotify_add_watch(inotify_.get(), path.data(), mask);
}

void CgroupWatch::follow(Node& node, int dir) noexcept {
  if (!inotify_) return;
  node.watch = add(dir, ".", kDirectoryMask);
  if (node.watch < 0) return refuse(node);
  targets_[node.watch] = {.node = &node, .what = What::kMade};
  // The root of the hierarchy has no such file; without a watch its cgroup only ends without a last reading.
  node.events_watch = add(dir, "cgroup.events", IN_MODIFY);
  if (node.events_watch >= 0) {
    targets_[node.events_watch] = {.node = &node, .what = What::kState};
  } else if (errno == ENOSPC || errno == ENOMEM) {
    remove(node.watch);
    refuse(node);
  }
}

void CgroupWatch::follow_controllers(Node& node, int dir) noexcept {
  if (!inotify_ || node.control_watch >= 0) return;
  node.control_watch = add(dir, "cgroup.subtree_control", IN_MODIFY);
  if (node.control_watch >= 0) targets_[node.control_watch] = {.node = &node, .what = What::kControllers};
}

void CgroupWatch::refuse(Node& node) noexcept {
  if (node.watch == kRefused) return;
  node.watch = kRefused;
  unwatched_++;
}

void CgroupWatch::forget(Node& node) noexcept {
  if (node.watch == kRefused) unwatched_--;
  remove(node.watch);
  remove(node.events_watch);
  remove(node.control_watch);
}

void CgroupWatch::forget_events(Node& node) noexcept { remove(node.events_watch); }

void CgroupWatch::remove(int& watch) noexcept {
  if (watch >= 0) {
    targets_.erase(watch);
    inotify_rm_watch(inotify_.get(), watch);
  }
  watch = -1;
}

void CgroupWatch::begin() noexcept {
  int bytes = 0;
  queued_ = inotify_ && ioctl(inotify_.get(), FIONREAD, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

bool CgroupWatch::next(Event& event) noexcept {
  while (inotify_) {
    if (at_ == size_) {
      if (queued_ == 0) return false;
      ssize_t size;
      do size = ::read(inotify_.get(), buffer_.data(), std::min(queued_, buffer_.size()));
      while (size < 0 && errno == EINTR);
      at_ = 0;
      size_ = size > 0 ? static_cast<std::size_t>(size) : 0;
      queued_ = size_ == 0 ? 0 : queued_ - size_;
      if (size_ == 0) return false;
    }
    const auto* const told = reinterpret_cast<const inotify_event*>(buffer_.data() + at_);
    at_ += sizeof(inotify_event) + told->len;
    if ((told->mask & IN_Q_OVERFLOW) != 0) {
      event = {.what = What::kOverflow, .node = nullptr, .name = ""};
      return true;
    }
    // What was queued before the watch ended is of one that is not followed any more.
    const auto target = targets_.find(told->wd);
    if (target == targets_.end()) continue;
    Node* const node = target->second.node;
    event = {.what = target->second.what, .node = node, .name = ""};
    if (event.what != What::kMade) {
      if ((told->mask & IN_MODIFY) != 0) return true;
      continue;
    }
    if ((told->mask & IN_ISDIR) == 0 || told->len == 0) continue;
    event.name = told->name;
    if ((told->mask & (IN_CREATE | IN_MOVED_TO)) != 0) event.what = What::kMade;
    else if ((told->mask & (IN_DELETE | IN_MOVED_FROM)) != 0) event.what = What::kRemoved;
    else if ((told->mask & IN_ATTRIB) != 0) event.what = What::kAttribute;
    else continue;
    return true;
  }
  return false;
}

}  // namespace unitscope::cgroup
