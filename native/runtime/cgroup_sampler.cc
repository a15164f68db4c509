#include "runtime/cgroup_sampler.h"

#include <signal.h>
#include <sys/epoll.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "os/clock.h"
#include "os/pressure_trigger.h"

namespace unitscope {
namespace {

/// Says once that there is something, until it is asked to again.
constexpr std::uint32_t kOnce = EPOLLIN | EPOLLONESHOT;

bool listen(int epoll, int fd, std::uint32_t events) noexcept {
  epoll_event event{.events = events, .data = {.fd = fd}};
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/// Of two timeouts of epoll_wait(2), of which -1 is none.
int sooner(int one_ms, int other_ms) noexcept {
  if (one_ms < 0 || other_ms < 0) return std::max(one_ms, other_ms);
  return std::min(one_ms, other_ms);
}

int timeout_until(std::uint64_t then_ns, std::uint64_t now_ns) noexcept {
  if (then_ns == UINT64_MAX) return -1;
  const std::uint64_t left_ms = (then_ns - std::min(then_ns, now_ns) + 999'999) / 1'000'000;
  return static_cast<int>(std::min<std::uint64_t>(left_ms, INT32_MAX));
}

std::uint64_t thread_cpu_ns() noexcept {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(used.tv_nsec);
}

}  // namespace

bool CgroupSampler::start() {
  if (state_ != State::kIdle) return state_ == State::kRunning;
  state_ = State::kStopped;
  epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_ || !wakeup_.valid() || !listen(epoll_.get(), wakeup_.fd(), EPOLLIN)) return false;
  const bool told = monitor_.changes_fd() >= 0;
  if (told && !listen(epoll_.get(), monitor_.states_fd(), EPOLLIN)) return false;
  if (told && !listen(epoll_.get(), monitor_.changes_fd(), kOnce)) return false;
  if (monitor_.log_fd() >= 0 && !listen(epoll_.get(), monitor_.log_fd(), EPOLLIN)) return false;
  // The process's signals belong to its main thread: the new one inherits a full mask.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const bool started = pthread_create(&thread_, nullptr, thread_main, this) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (started) state_ = State::kRunning;
  return started;
}

void CgroupSampler::stop() {
  if (std::exchange(state_, State::kStopped) != State::kRunning) return;
  stop_.store(true, std::memory_order_relaxed);
  wakeup_.raise();
  pthread_join(thread_, nullptr);
}

void CgroupSampler::request() {
  const std::lock_guard lock(mutex_);
  if (requested_ || ready_) return;
  requested_ = true;
  wakeup_.raise();
}

const cgroup::Pass* CgroupSampler::peek() {
  const std::lock_guard lock(mutex_);
  return ready_ ? &pass_ : nullptr;
}

void CgroupSampler::release() {
  const std::lock_guard lock(mutex_);
  ready_ = false;
}

std::vector<cgroup::OomKill> CgroupSampler::take_kills() {
  const std::lock_guard lock(mutex_);
  return std::exchange(kills_, {});
}

std::vector<cgroup::OomLoss> CgroupSampler::take_losses() {
  const std::lock_guard lock(mutex_);
  return std::exchange(losses_, {});
}

std::vector<PressureStall> CgroupSampler::take_stalls() {
  const std::lock_guard lock(mutex_);
  return std::exchange(stalls_, {});
}

void CgroupSampler::ignore(std::vector<std::uint64_t> keys) {
  const std::lock_guard lock(mutex_);
  // Taken in with the next pass: nothing is gained by waking the thread for it.
  ignored_.insert(ignored_.end(), keys.begin(), keys.end());
}

bool CgroupSampler::arm(PressureTrigger trigger) {
  const std::lock_guard lock(mutex_);
  if (triggers_ >= kMaxTriggers) return false;
  triggers_++;
  to_set_.push_back(std::move(trigger));
  wakeup_.raise();
  return true;
}

CgroupSampler::Stats CgroupSampler::stats() {
  const std::lock_guard lock(mutex_);
  Stats out = stats_;
  out.triggers = triggers_;
  return out;
}

void* CgroupSampler::thread_main(void* self) {
  pthread_setname_np(pthread_self(), "unitscope-cgrp");
  static_cast<CgroupSampler*>(self)->run();
  return nullptr;
}

void CgroupSampler::run() {
  std::array<epoll_event, 64> events;
  while (!stop_.load(std::memory_order_relaxed)) {
    const std::uint64_t before = monotonic_ns();
    const int due_ms = sooner(gathering_.timeout_ms(before), timeout_until(monitor_.balance_ns(), before));
    // A counter that grew while kills were told of: nobody rings for what its new cgroups are to be taken in for.
    const int timeout_ms = monitor_.hurries() ? 0 : due_ms;
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
    if (count < 0 && errno != EINTR) {
      error_.store(errno, std::memory_order_relaxed);
      doorbell_.ring();
      return;
    }
    for (int i = 0; i < count; i++) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == wakeup_.fd()) wakeup_.lower();
      else if (fd == monitor_.states_fd()) monitor_.handle_states(stop_);
      else if (fd == monitor_.changes_fd()) gather();
      else if (fd == monitor_.log_fd()) monitor_.handle_log(stop_);
      else fired(fd, events[static_cast<std::size_t>(i)].events);
    }
    if (monitor_.hurries() || gathering_.over(monotonic_ns())) {
      monitor_.handle_changes(stop_);
      gathered();
    }
    if (const std::uint64_t now = monotonic_ns(); monitor_.balance_ns() <= now) {
      monitor_.balance(now, stop_);
      gathered();
    }
    tell_kills();
    std::vector<std::uint64_t> ignored;
    std::vector<PressureTrigger> to_set;
    bool wanted = false;
    {
      const std::lock_guard lock(mutex_);
      wanted = requested_;
      ignored.swap(ignored_);
      to_set.swap(to_set_);
    }
    for (const std::uint64_t key : ignored) monitor_.ignore(key);
    for (const PressureTrigger& trigger : to_set) set(trigger);
    if (!wanted) continue;
    monitor_.pass(pass_, stop_);
    gathered();
    tell_kills();
    if (stop_.load(std::memory_order_relaxed)) return;
    publish_stats();
    {
      const std::lock_guard lock(mutex_);
      requested_ = false;
      ready_ = true;
    }
    doorbell_.ring();
  }
}

void CgroupSampler::gather() {
  const std::uint64_t now = monotonic_ns();
  gathering_.begin(now);
  monitor_.changes_wait(now);
}

void CgroupSampler::gathered() {
  if (!gathering_.end()) return;
  if (monitor_.anything_waits()) return gather();
  // Says at once what has come since.
  epoll_event event{.events = kOnce, .data = {.fd = monitor_.changes_fd()}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, monitor_.changes_fd(), &event);
}

void CgroupSampler::set(const PressureTrigger& trigger) {
  PressureStall stall{.id = trigger.id, .key = trigger.key, .monotonic_ms = 0, .error = ENOENT};
  const cgroup::Node* const node = monitor_.find(trigger.key);
  if (node != nullptr) {
    const cgroup::Directory dir = monitor_.open(*node);
    stall.error = dir.error;
    if (dir.fd >= 0) {
      auto opened = cgroup::open_pressure_trigger(dir.fd, trigger.file.c_str(), trigger.text);
      const int fd = opened ? opened.value().get() : -1;
      if (opened && listen(epoll_.get(), fd, EPOLLPRI)) {
        armed_.emplace(fd, Armed{.fd = std::move(opened).value(), .id = trigger.id, .key = trigger.key});
        return;
      }
      stall.error = opened ? errno : opened.error();
    }
  }
  tell(stall);
}

void CgroupSampler::fired(int fd, std::uint32_t events) {
  const auto at = armed_.find(fd);
  if (at == armed_.end()) return;
  if ((events & EPOLLPRI) != 0 && (events & EPOLLERR) == 0) return tell({.id = at->second.id, .key = at->second.key});
  // The cgroup is gone, or its pressure was switched off. Closing takes it out of the epoll set.
  const PressureStall lost{.id = at->second.id, .key = at->second.key, .monotonic_ms = 0, .error = ENODEV};
  armed_.erase(at);
  tell(lost);
}

void CgroupSampler::tell(const PressureStall& stall) {
  {
    const std::lock_guard lock(mutex_);
    if (stall.error != 0) triggers_--;
    if (stalls_.size() < kMaxStalls) {
      stalls_.push_back(stall);
      stalls_.back().monotonic_ms = static_cast<double>(monotonic_ns()) / 1e6;
    } else {
      stats_.stalls_dropped++;
    }
  }
  doorbell_.ring();
}

void CgroupSampler::tell_kills() {
  std::vector<cgroup::OomKill> kills = monitor_.take_kills(stop_);
  std::vector<cgroup::OomLoss> losses = monitor_.take_losses();
  if (kills.empty() && losses.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    for (cgroup::OomKill& kill : kills) {
      if (kills_.size() < kMaxKills) kills_.push_back(std::move(kill));
      else kills_dropped_++;
    }
    for (cgroup::OomLoss& loss : losses) {
      if (losses_.size() < kMaxLosses) losses_.push_back(std::move(loss));
      else kills_dropped_ += loss.kills;
    }
  }
  doorbell_.ring();
}

void CgroupSampler::publish_stats() {
  Stats now;
  static_cast<cgroup::MonitorStats&>(now) = monitor_.stats();
  now.cpu_ns = thread_cpu_ns();
  now.native_bytes += pass_.bytes();
  const std::lock_guard lock(mutex_);
  now.stalls_dropped = stats_.stalls_dropped;
  now.kills_dropped += kills_dropped_;
  stats_ = std::move(now);
}

}  // namespace unitscope
