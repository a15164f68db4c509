#include "os/cgroup_newcomers.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

namespace unitscope::cgroup {
namespace {

enum class State : std::uint8_t { kEmpty, kGone, kOther };

State state_of(int events) noexcept {
  std::array<char, 64> text;  // "populated 0\nfrozen 0\n"
  const ssize_t size = pread(events, text.data(), text.size(), 0);
  if (size < 0) return is_gone(errno) ? State::kGone : State::kOther;
  const bool empty = std::string_view(text.data(), static_cast<std::size_t>(size)).starts_with("populated 0\n");
  return empty ? State::kEmpty : State::kOther;
}

}  // namespace

bool Newcomers::wait(int dir, std::uint64_t parent, const char* name, std::uint64_t made_ns, FdBudget& budget) {
  if (waiting_.size() >= kMaxWaiting) return false;
  std::array<char, 256 + sizeof("/cgroup.events")> path;
  const int size = std::snprintf(path.data(), path.size(), "%s/cgroup.events", name);
  if (size < 0 || static_cast<std::size_t>(size) >= path.size()) return false;
  UniqueFd events(openat(dir, path.data(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!events || state_of(events.get()) != State::kEmpty || !budget.take_file()) return false;
  waiting_.push_back({.parent = parent, .name = name, .made_ns = made_ns, .events = std::move(events)});
  return true;
}

bool Newcomers::forget(std::uint64_t parent, std::string_view name, FdBudget& budget) noexcept {
  const auto is_meant = [&](const Newcomer& one) { return one.parent == parent && one.name == name; };
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), is_meant);
  if (found == waiting_.end()) return false;
  budget.close(found->events);
  waiting_.erase(found);
  return true;
}

std::vector<Newcomer> Newcomers::take(std::uint64_t now_ns, FdBudget& budget) {
  // In the order in which they came: a parent may be among them, and is before what lies in it.
  std::vector<Newcomer> taken, waiting;
  for (Newcomer& one : waiting_) {
    const State state = state_of(one.events.get());
    const bool waits = state == State::kEmpty && now_ns < one.made_ns + kEmptyNs;
    if (!waits) budget.close(one.events);
    one.gone = state == State::kGone;
    (waits ? waiting : taken).push_back(std::move(one));
  }
  waiting_ = std::move(waiting);
  return taken;
}

}  // namespace unitscope::cgroup
