#include "os/cgroup_oom.h"

#include <sys/xattr.h>

#include "harness.h"
#include "os/cgroup_monitor.h"
#include "support/record_socket.h"
#include "support/temp_tree.h"

namespace unitscope::cgroup {
namespace {

using test::check;
using test::TempTree;

const std::atomic<bool> kGo{false};

CgroupMonitor monitor_of(const TempTree& temp, KernelLog log = {}, std::size_t max_watches = 1000) {
  TreeOptions tree = temp.options();
  tree.max_watches = max_watches;
  return CgroupMonitor::open({.tree = tree, .groups = mask_of(Group::kCpu), .walk_interval_ns = UINT64_MAX}, std::move(log)).value();
}

std::string events(int kills) { return "low 0\nhigh 0\nmax 9\noom 1\noom_kill " + std::to_string(kills) + "\n"; }

std::string oom_line(const std::string& cgroup, int pid) {
  return "6,1,2,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=" + cgroup +
         ",task=tail,pid=" + std::to_string(pid) + ",uid=0\n";
}

/// Each as `path before-after`, or `path pid`.
std::string told(CgroupMonitor& monitor) {
  std::string out;
  for (const OomKill& kill : monitor.take_kills(kGo)) {
    out += (out.empty() ? "" : ", ") + kill.path + " ";
    out += kill.pid != 0 ? std::to_string(kill.pid) : std::to_string(kill.before) + "-" + std::to_string(kill.after);
  }
  return out;
}

void pass(CgroupMonitor& monitor) {
  Pass out;
  monitor.pass(out, kGo);
}

const test::Test kTells{"cgroup kills: a counter that grows is told at once, each time, with what memory there was", [] {
  const TempTree temp;
  temp.file("a.service/memory.events", events(2));
  temp.file("a.service/memory.peak", "4096\n");
  temp.file("a.service/memory.max", "8192\n");
  CgroupMonitor monitor = monitor_of(temp);
  pass(monitor);
  test::equal(told(monitor), "", "of what was before nothing is known");

  temp.file("a.service/memory.events", events(3));
  monitor.handle_states(kGo);
  auto kills = monitor.take_kills(kGo);
  test::equal(kills.size(), 1u);
  test::equal(kills[0].before, 2u);
  test::equal(kills[0].after, 3u);
  check(kills[0].peak == 4096u && kills[0].limit == 8192u);
  temp.file("a.service/memory.events", events(3));
  monitor.handle_states(kGo);
  test::equal(told(monitor), "", "other events of memory");
  temp.file("a.service/memory.events", events(5));
  monitor.handle_states(kGo);
  test::equal(told(monitor), "a.service 3-5");
}};

const test::Test kUnread{"cgroup kills: a counter that could not be read at first tells of nothing that was before", [] {
  const TempTree temp;
  temp.file("a.service/memory.events", "nonsense\n");
  CgroupMonitor monitor = monitor_of(temp);
  pass(monitor);
  temp.file("a.service/memory.events", events(7));
  pass(monitor);
  monitor.handle_states(kGo);
  test::equal(told(monitor), "");
  temp.file("a.service/memory.events", events(8));
  monitor.handle_states(kGo);
  test::equal(told(monitor), "a.service 7-8");
}};

const test::Test kNew{"cgroup kills: the counter of one that is new began at 0, and whoever was killed in it is found without delay", [] {
  const TempTree temp;
  temp.file("a.slice/memory.events", events(0));
  CgroupMonitor monitor = monitor_of(temp);
  pass(monitor);
  temp.file("a.slice/b.service/cgroup.events", "populated 0\nfrozen 0\n");
  temp.file("a.slice/b.service/memory.events", events(1));
  monitor.handle_changes(kGo);
  test::equal(told(monitor), "", "nothing runs in it: it waits");
  check(!monitor.hurries());
  temp.file("a.slice/memory.events", events(1));
  monitor.handle_states(kGo);
  check(monitor.hurries());
  monitor.handle_changes(kGo);
  test::equal(told(monitor), "a.slice 0-1, a.slice/b.service 0-1");
  check(!monitor.hurries());
}};

const test::Test kEnd{"cgroup kills: a counter is looked at before the last reading of its cgroup", [] {
  const TempTree temp;
  temp.file("a/cgroup.events", "populated 1\n");
  temp.file("a/memory.events", events(0));
  // No watch is left for memory.events.
  CgroupMonitor monitor = monitor_of(temp, {}, 2);
  pass(monitor);
  temp.file("a/memory.events", events(1));
  monitor.handle_states(kGo);
  test::equal(told(monitor), "");
  pass(monitor);
  test::equal(told(monitor), "", "nor are its numbers asked for");

  CgroupMonitor watched = monitor_of(temp, {}, 4);
  pass(watched);
  temp.file("a/memory.events", events(2));
  temp.file("a/cgroup.events", "populated 0\n");
  watched.handle_states(kGo);
  test::equal(told(watched), "a 1-2");
}};

const test::Test kIgnored{"cgroup kills: those whose numbers nobody wants are watched all the same, and cost no open file", [] {
  const TempTree temp;
  temp.file("a/memory.events", events(0));
  CgroupMonitor monitor = monitor_of(temp);
  pass(monitor);
  monitor.ignore(2);
  const std::size_t before = monitor.stats().open_fds;
  temp.file("a/memory.events", events(1));
  monitor.handle_states(kGo);
  test::equal(told(monitor), "a 0-1");
  test::equal(monitor.stats().open_fds, before);
}};

const test::Test kRead{"cgroup kills: numbers that are asked for tell, too, where nobody watches", [] {
  const TempTree temp;
  temp.file("a/memory.events", events(0));
  TreeOptions tree = temp.options();
  tree.max_watches = 0;
  auto monitor = CgroupMonitor::open({.tree = tree, .groups = mask_of(Group::kMemory), .walk_interval_ns = UINT64_MAX}).value();
  pass(monitor);
  temp.file("a/memory.events", events(4));
  pass(monitor);
  test::equal(told(monitor), "a 0-4");
}};

const test::Test kBudget{"cgroup kills: watches for them are a third of all, so that cgroups are followed first", [] {
  const TempTree temp;
  for (int i = 0; i < 10; i++) {
    temp.file(std::to_string(i) + "/memory.events", events(0));
    temp.file(std::to_string(i) + "/cgroup.events", "populated 1\n");
  }
  CgroupMonitor monitor = monitor_of(temp, {}, 27);
  pass(monitor);
  test::equal(monitor.stats().unwatched, 1u);
  test::equal(monitor.stats().watches, 27u);
}};

const test::Test kController{"cgroup kills: a memory controller that is switched on later is watched from then on", [] {
  const TempTree temp;
  temp.file("a/cgroup.subtree_control", "");
  temp.directory("a/b");
  CgroupMonitor monitor = monitor_of(temp);
  pass(monitor);
  temp.file("a/b/memory.events", events(0));
  temp.file("a/cgroup.subtree_control", "memory");
  monitor.handle_changes(kGo);
  temp.file("a/b/memory.events", events(1));
  monitor.handle_states(kGo);
  test::equal(told(monitor), "a/b 0-1");
}};

const test::Test kLog{"cgroup kills: the log names the process and its run, as far as the cgroup is there", [] {
  const TempTree temp;
  temp.directory("a.slice/b.service/c");
  const std::string id = "0123456789abcdef0123456789abcdef";
  const std::string at = temp.root() + "/a.slice/b.service";
  const bool marked = setxattr(at.c_str(), "user.invocation_id", id.data(), id.size(), 0) == 0;
  test::RecordSocket log;
  CgroupMonitor monitor = monitor_of(temp, KernelLog(log.take_reader()));
  check(monitor.log_fd() >= 0);
  log.write("4,1,2,-;tail invoked oom-killer\n");
  log.write(oom_line("/a.slice/b.service/c", 7));
  log.write(oom_line("/a.slice/gone.service", 8));
  monitor.handle_log(kGo);
  const auto kills = monitor.take_kills(kGo);
  test::equal(kills.size(), 2u);
  test::equal(kills[0].path, "a.slice/b.service/c");
  test::equal(kills[0].pid, 7u);
  test::equal(kills[0].limited_by, "/a");
  check(kills[0].id != 0);
  // Some file systems for temporary files have no such attributes.
  if (marked) test::equal(std::string_view(kills[0].invocation.data(), 32), id, "of the service it is in");
  test::equal(kills[1].pid, 8u);
  check(kills[1].id == 0 && kills[1].invocation[0] == '\0');
  log.end();
  monitor.handle_log(kGo);
  test::equal(monitor.log_fd(), -1, "it ended");
}};

const test::Test kTogether{"cgroup kills: the log has told of a kill by the time its counter does, however much else stands in it", [] {
  const TempTree temp;
  temp.file("a/memory.events", events(0));
  temp.file("b/memory.events", events(0));
  test::RecordSocket log;
  CgroupMonitor monitor = monitor_of(temp, KernelLog(log.take_reader()));
  pass(monitor);
  const auto chat = [&log](int records) {
    for (int i = 0; i < records; i++) log.write("6,1,2,-;[     12]     0    12     1000      200    40960        0             0 tail\n");
  };
  chat(100);
  log.write(oom_line("/a", 7));
  monitor.handle_log(kGo);
  test::equal(told(monitor), "", "nobody counted yet: there is time");
  temp.file("a/memory.events", events(1));
  monitor.handle_states(kGo);
  temp.file("b/memory.events", events(1));
  test::equal(told(monitor), "a 0-1, b 0-1, a 7", "and nobody else waited for it");
  test::equal(told(monitor), "");

  // Of one that is new, and had killed before it was watched.
  chat(100);
  log.write(oom_line("/c", 8));
  temp.file("c/memory.events", events(1));
  monitor.handle_log(kGo);
  test::equal(told(monitor), "");
  monitor.handle_changes(kGo);
  test::equal(told(monitor), "c 0-1, c 8");
}};

const test::Test kMany{"cgroup kills: a log that is full is taken in bit by bit, and what nobody takes is counted", [] {
  const TempTree temp;
  test::RecordSocket log;
  CgroupMonitor monitor = monitor_of(temp, KernelLog(log.take_reader()));
  for (std::size_t i = 0; i < OomFinder::kMaxKills + 10; i++) {
    log.write(oom_line("/a", 7));
    if (i % 16 == 15) monitor.handle_log(kGo);
  }
  log.write(oom_line("/a", 7));
  monitor.handle_log(kGo);
  test::equal(monitor.stats().kills_dropped, 11u);
  test::equal(monitor.take_kills(kGo).size(), OomFinder::kMaxKills);
}};

}  // namespace
}  // namespace unitscope::cgroup
