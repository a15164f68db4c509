#include "runtime/cgroup_sampler.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <filesystem>
#include <mutex>

#include "harness.h"
#include "support/temp_tree.h"

namespace unitscope {
namespace {

using test::check;
using test::TempTree;

/// Lets a test wait for the sampler.
class Bell final : public Doorbell {
 public:
  void ring() noexcept override {
    const std::lock_guard lock(mutex_);
    rings_++;
    rung_.notify_all();
  }
  /// Returns once `done` holds, which is asked after each ring.
  template <typename Done>
  void until(Done done) {
    std::unique_lock lock(mutex_);
    for (int seen = 0; !done(); seen = rings_) rung_.wait(lock, [&] { return rings_ != seen; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable rung_;
  int rings_ = 0;
};

cgroup::CgroupMonitor monitor_of(const TempTree& temp) {
  return cgroup::CgroupMonitor::open({.tree = temp.options(20'000), .groups = cgroup::kAllGroups, .walk_interval_ns = UINT64_MAX})
      .value();
}

std::size_t rows(const cgroup::Pass& pass) { return pass.rows.size() / cgroup::Pass::kRowWords; }

const test::Test kPasses{"threads: cgroup sampler: a pass is made when asked for, and is the owner's until it is released", [] {
  const TempTree temp;
  temp.file("a/cpu.stat", "usage_usec 1\n");
  Bell bell;
  CgroupSampler sampler(monitor_of(temp), bell);
  check(sampler.start());
  check(sampler.peek() == nullptr);
  for (std::size_t i = 0; i < 20; i++) {
    sampler.request();
    sampler.request();
    bell.until([&] { return sampler.peek() != nullptr; });
    test::equal(rows(*sampler.peek()), 2 + i);
    sampler.request();
    check(sampler.peek() != nullptr, "asking again does not take it away");
    temp.file("b" + std::to_string(i) + "/cpu.stat", "usage_usec 1\n");
    sampler.release();
  }
  test::equal(sampler.stats().cgroups, 21u);
  check(sampler.stats().cpu_ns > 0);
}};

const test::Test kStops{"threads: cgroup sampler: stop() ends it idle, during a pass, among changes, before start and twice", [] {
  const TempTree temp;
  for (int i = 0; i < 500; i++) temp.file("s" + std::to_string(i) + "/cpu.stat", "usage_usec 1\n");
  for (int round = 0; round < 20; round++) {
    Bell bell;
    CgroupSampler sampler(monitor_of(temp), bell);
    if (round == 0) sampler.stop();
    check(sampler.start() == (round != 0));
    if (round % 2 == 1) sampler.request();
    for (int i = 0; i < round; i++) temp.file("new/cpu.stat", "usage_usec 1\n");
    temp.remove("new");
    sampler.stop();
    sampler.stop();
  }
}};

const test::Test kBroken{"threads: cgroup sampler: a thread that cannot go on says so", [] {
  const TempTree temp;
  Bell bell;
  CgroupSampler sampler(monitor_of(temp), bell);
  check(sampler.start());
  test::equal(sampler.error(), 0);
  // What it waits on is no epoll instance any more once it wakes up.
  const int other = open("/dev/null", O_RDONLY | O_CLOEXEC);
  for (const auto& fd : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(fd, gone) == "anon_inode:[eventpoll]") dup2(other, std::stoi(fd.path().filename()));
  }
  close(other);
  sampler.request();
  bell.until([&] { return sampler.error() != 0; });
  test::equal(sampler.error(), EINVAL);
  sampler.stop();
}};

const test::Test kTriggers{"threads: cgroup sampler: a trigger that cannot be set is told by errno, and there are not too many", [] {
  const TempTree temp;
  temp.directory("a");
  Bell bell;
  CgroupSampler sampler(monitor_of(temp), bell);
  check(sampler.start());
  sampler.request();
  bell.until([&] { return sampler.peek() != nullptr; });
  const auto key = static_cast<std::uint64_t>(sampler.peek()->entries[cgroup::Pass::kEntryWords]);
  sampler.release();
  check(sampler.arm({.id = 1, .key = key, .file = "memory.pressure", .text = "some 1 2000000"}));
  check(sampler.arm({.id = 2, .key = 4711, .file = "memory.pressure", .text = "some 1 2000000"}));
  std::vector<PressureStall> told;
  bell.until([&] {
    for (const PressureStall& stall : sampler.take_stalls()) told.push_back(stall);
    return told.size() == 2;
  });
  test::equal(told[0].error, ENOENT, "no such file");
  test::equal(told[1].id, 2u);
  test::equal(told[1].error, ENOENT, "no such cgroup");
  test::equal(sampler.stats().triggers, 0u);
  sampler.stop();
  std::size_t taken = 0;
  while (sampler.arm({.id = 0, .key = key, .file = "x", .text = "y"})) taken++;
  test::equal(taken, CgroupSampler::kMaxTriggers);
}};

const test::Test kAtOnce{"threads: cgroup sampler: the end of a run is read at once, although changes are gathered for ever", [] {
  const TempTree temp;
  temp.file("a/cgroup.events", "populated 1\n");
  cgroup::TreeOptions options = temp.options();
  options.max_open_files = 0;  // each file is opened anew
  Bell bell;
  CgroupSampler sampler(
      cgroup::CgroupMonitor::open({.tree = options, .groups = mask_of(cgroup::Group::kCpu), .walk_interval_ns = UINT64_MAX}).value(),
      bell, UINT64_MAX);
  check(sampler.start());
  const auto pass = [&] {
    sampler.request();
    bell.until([&] { return sampler.peek() != nullptr; });
    sampler.release();
  };
  temp.file("a/cpu.stat", "usage_usec 1\n");
  pass();
  const std::string path = temp.root() + "/a/cpu.stat";
  std::filesystem::remove(path);
  check(mkfifo(path.c_str(), 0600) == 0);
  temp.directory("b");
  // In one piece: a second change would be a second reading, for which nobody holds the other end.
  const int events = open((temp.root() + "/a/cgroup.events").c_str(), O_WRONLY | O_CLOEXEC);
  check(pwrite(events, "populated 0\n", 12, 0) == 12);
  close(events);
  // Returns once the thread opens it to read; nobody asked for a pass.
  const int writer = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  check(writer >= 0);
  close(writer);
  std::filesystem::remove(path);
  pass();
  test::equal(sampler.stats().cgroups, 3u, "and a pass waits for nothing");
}};

const test::Test kChurn{"threads: cgroup sampler: cgroups that come and go while it reads are each told, and all end", [] {
  const TempTree temp;
  Bell bell;
  CgroupSampler sampler(monitor_of(temp), bell);
  check(sampler.start());
  std::size_t begun = 0, ended = 0;
  const auto pass = [&] {
    sampler.request();
    bell.until([&] { return sampler.peek() != nullptr; });
    const cgroup::Pass& told = *sampler.peek();
    begun += told.entries.size() / cgroup::Pass::kEntryWords;
    for (std::size_t at = 0; at < told.rows.size(); at += cgroup::Pass::kRowWords) ended += told.rows[at + 1] == 1 ? 1 : 0;
    sampler.release();
  };
  for (int i = 0; i < 100; i++) {
    temp.file("churn" + std::to_string(i % 7) + "/cpu.stat", "usage_usec 1\n");
    if (i % 3 == 0) pass();
    temp.remove("churn" + std::to_string((i + 3) % 7));
  }
  for (int i = 0; i < 7; i++) temp.remove("churn" + std::to_string(i));
  pass();
  pass();
  test::equal(ended, begun - 1, "all but the root");
  test::equal(sampler.stats().cgroups, 1u);
}};

}  // namespace
}  // namespace unitscope
