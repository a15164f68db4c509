#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "os/cgroup_monitor.h"
#include "os/wakeup.h"
#include "runtime/doorbell.h"
#include "runtime/gathering.h"

namespace unitscope {

/// A pressure trigger to be set.
struct PressureTrigger {
  std::uint32_t id = 0;  ///< the caller's
  std::uint64_t key = 0;  ///< of the cgroup
  std::string file;       ///< `memory.pressure`
  std::string text;       ///< what the kernel is to be asked
};

/// A trigger fired, could not be set, or was lost.
struct PressureStall {
  std::uint32_t id = 0;
  std::uint64_t key = 0;
  double monotonic_ms = 0;
  int error = 0;  ///< errno of one that could not be set; ENODEV of one that was lost, as when its cgroup ends
};

/// Owns the thread that follows and reads the cgroups. JavaScript's thread asks for a pass, is rung when there is one, and
/// takes it; cgroups that end in between are read by the thread at once. What can wait is gathered (docs/decisions/0125).
///
/// start(), stop(), request(), take(), and all else but the doorbell belong to the owner's thread. The doorbell is rung from
/// the sampler's thread, and must outlive stop().
class CgroupSampler {
 public:
  /// A trigger costs a descriptor, and the kernel some work every two seconds.
  static constexpr std::size_t kMaxTriggers = 256;
  /// Stalls kept until they are taken: those of all triggers, several windows long.
  static constexpr std::size_t kMaxStalls = 1024;
  /// Kills kept until they are taken.
  static constexpr std::size_t kMaxKills = cgroup::OomFinder::kMaxKills;
  static constexpr std::size_t kMaxLosses = cgroup::OomBalance::kMaxLosses;

  /// How long changes that can wait are gathered. The kernel tells of changes of one cgroup.events at most every 10 ms
  /// (CGROUP_FILE_NOTIFY_MIN_INTV): within these the last process of a new cgroup cannot leave it and be told of.
  static constexpr std::uint64_t kGatherNs = 10'000'000;

  /// \param gather_ns  another time than kGatherNs: tests
  CgroupSampler(cgroup::CgroupMonitor monitor, Doorbell& doorbell, std::uint64_t gather_ns = kGatherNs)
      : monitor_(std::move(monitor)), doorbell_(doorbell), gathering_(gather_ns) {}
  ~CgroupSampler() { stop(); }
  CgroupSampler(const CgroupSampler&) = delete;
  CgroupSampler& operator=(const CgroupSampler&) = delete;

  /// Starts the thread; false when there is no descriptor or no thread left. Not after stop().
  [[nodiscard]] bool start();
  /// Ends the thread wherever it is, within the reading of one cgroup or a walk, and waits for it. Safe twice and without
  /// start(). No doorbell afterwards.
  void stop();

  /// Has a pass made; nothing happens when one is under way, or made and not taken.
  void request();
  /// The pass that was made, until release(); nothing while there is none.
  [[nodiscard]] const cgroup::Pass* peek();
  void release();
  [[nodiscard]] std::vector<PressureStall> take_stalls();
  [[nodiscard]] std::vector<cgroup::OomKill> take_kills();
  [[nodiscard]] std::vector<cgroup::OomLoss> take_losses();

  void ignore(std::vector<std::uint64_t> keys);
  /// False past kMaxTriggers.
  [[nodiscard]] bool arm(PressureTrigger trigger);

  struct Stats : cgroup::MonitorStats {
    std::size_t triggers = 0;
    std::uint64_t stalls_dropped = 0;
    /// CPU time of the thread.
    std::uint64_t cpu_ns = 0;
  };
  /// As of the last pass.
  [[nodiscard]] Stats stats();
  /// errno that ended the thread, which the doorbell told of; 0 while it runs. No pass comes any more then.
  [[nodiscard]] int error() const noexcept { return error_.load(std::memory_order_relaxed); }

 private:
  enum class State : std::uint8_t { kIdle, kRunning, kStopped };
  struct Armed {
    UniqueFd fd;
    std::uint32_t id;
    std::uint64_t key;
  };

  static void* thread_main(void* self);
  void run();
  /// Changes are told that can wait.
  void gather();
  /// They are taken in: listens to the next.
  void gathered();
  void set(const PressureTrigger& trigger);
  void fired(int fd, std::uint32_t events);
  void tell(const PressureStall& stall);
  void tell_kills();
  void publish_stats();

  cgroup::CgroupMonitor monitor_;
  Doorbell& doorbell_;
  Gathering gathering_;
  Wakeup wakeup_;
  UniqueFd epoll_;
  std::atomic<bool> stop_{false};
  std::atomic<int> error_{0};
  State state_ = State::kIdle;
  pthread_t thread_{};
  /// The thread's from request() until it is ready, the owner's until release().
  cgroup::Pass pass_;
  /// The thread's.
  std::unordered_map<int, Armed> armed_;

  std::mutex mutex_;
  // Under the mutex.
  bool requested_ = false;
  bool ready_ = false;
  std::vector<std::uint64_t> ignored_;
  std::vector<PressureTrigger> to_set_;
  std::size_t triggers_ = 0;
  std::vector<PressureStall> stalls_;
  std::vector<cgroup::OomKill> kills_;
  std::vector<cgroup::OomLoss> losses_;
  std::uint64_t kills_dropped_ = 0;
  Stats stats_;
};

}  // namespace unitscope
