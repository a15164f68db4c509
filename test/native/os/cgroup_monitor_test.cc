#include "os/cgroup_monitor.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <map>

#include "harness.h"
#include "support/temp_tree.h"

namespace unitscope::cgroup {
namespace {

using test::check;
using test::TempTree;

constexpr std::uint64_t kNever = UINT64_MAX;
const std::atomic<bool> kGo{false};

CgroupMonitor monitor_of(const TempTree& temp, std::size_t max_cgroups = 1000, std::uint64_t walk_interval_ns = kNever) {
  return CgroupMonitor::open({.tree = temp.options(max_cgroups), .groups = mask_of(Group::kCpu), .walk_interval_ns = walk_interval_ns})
      .value();
}

/// Listens to the passes of a monitor as JavaScript does: names by key, and each row as `path=usage` or `path ended=usage`.
class Listener {
 public:
  std::string pass(CgroupMonitor& monitor) {
    monitor.pass(pass_, kGo);
    std::string_view paths = pass_.paths;
    for (std::size_t at = 0; at < pass_.entries.size(); at += Pass::kEntryWords) {
      names_[pass_.entries[at]] = paths.substr(0, paths.find('\0'));
      made_[pass_.entries[at]] = pass_.entries[at + 2];
      paths.remove_prefix(std::min(paths.size(), names_[pass_.entries[at]].size() + 1));
    }
    std::string out;
    for (std::size_t at = 0; at < pass_.rows.size(); at += Pass::kRowWords) {
      const double usage = pass_.rows[at + Pass::kRowHeader + static_cast<std::size_t>(Field::kCpuUsageUsec)];
      const bool ended = pass_.rows[at + 1] == static_cast<double>(RowState::kEnded);
      out += (out.empty() ? "" : " ") + names_[pass_.rows[at]] + (ended ? " ended=" : "=");
      out += std::isnan(usage) ? "?" : std::to_string(static_cast<int>(usage));
    }
    return out;
  }
  [[nodiscard]] double key(std::string_view name) const {
    for (const auto& [key, known] : names_) {
      if (known == name) return key;
    }
    return 0;
  }
  [[nodiscard]] bool made_is_known(std::string_view name) const { return !std::isnan(made_.at(key(name))); }
  [[nodiscard]] const Pass& last() const noexcept { return pass_; }

 private:
  Pass pass_;
  std::map<double, std::string> names_;
  std::map<double, double> made_;
};

std::string usage(int usec) { return "usage_usec " + std::to_string(usec) + "\n"; }

const test::Test kFollows{"cgroup monitor: what comes and goes is known without listing the tree again", [] {
  const TempTree temp;
  temp.file("a/cpu.stat", usage(1));
  CgroupMonitor monitor = monitor_of(temp);
  Listener js;
  test::equal(js.pass(monitor), "/=? /a=1");
  check(!js.made_is_known("/a"), "it was there before");

  temp.file("b/cpu.stat", usage(2));
  temp.remove("a");
  test::equal(js.pass(monitor), "/a ended=? /=? /b=2");
  check(js.made_is_known("/b"));
  test::equal(js.pass(monitor), "/=? /b=2", "each end once");
  test::equal(monitor.stats().counters.walks, 1u);
  test::equal(monitor.stats().counters.ends_unread, 1u);
}};

const test::Test kDeep{"cgroup monitor: a directory that was made before its parent was watched is found", [] {
  const TempTree temp;
  CgroupMonitor monitor = monitor_of(temp);
  Listener js;
  test::equal(js.pass(monitor), "/=?");
  temp.file("a/b/c/cpu.stat", usage(3));
  test::equal(js.pass(monitor), "/=? /a=? /a/b=? /a/b/c=3");
  temp.file("a/b/d/cpu.stat", usage(4));
  test::equal(js.pass(monitor), "/=? /a=? /a/b=? /a/b/c=3 /a/b/d=4");
  temp.remove("a");
  test::equal(js.pass(monitor), "/a/b/c ended=? /a/b/d ended=? /a/b ended=? /a ended=? /=?");
  test::equal(monitor.stats().counters.walks, 1u);
}};

const test::Test kLast{"cgroup monitor: what a cgroup had used when its last process left is told with its end", [] {
  const TempTree temp;
  temp.file("a/cpu.stat", usage(1));
  temp.file("a/cgroup.events", "populated 1\nfrozen 0\n");
  CgroupMonitor monitor = monitor_of(temp);
  Listener js;
  js.pass(monitor);
  temp.file("a/cpu.stat", usage(7));
  temp.file("a/cgroup.events", "populated 0\nfrozen 0\n");
  monitor.handle_changes(kGo);
  temp.remove("a");
  test::equal(js.pass(monitor), "/a ended=7 /=?");
  test::equal(monitor.stats().counters.ends_read, 1u);
}};

const test::Test kFlaps{"cgroup monitor: a process that comes again makes the last reading worthless, and a pass makes it old", [] {
  const TempTree temp;
  temp.file("a/cpu.stat", usage(1));
  temp.file("b/cpu.stat", usage(1));
  for (const char* const path : {"a/cgroup.events", "b/cgroup.events"}) temp.file(path, "populated 1\n");
  CgroupMonitor monitor = monitor_of(temp);
  Listener js;
  js.pass(monitor);
  for (const char* const path : {"a/cgroup.events", "b/cgroup.events"}) temp.file(path, "populated 0\n");
  monitor.handle_changes(kGo);
  temp.file("a/cgroup.events", "populated 1\n");
  monitor.handle_changes(kGo);
  temp.file("b/cpu.stat", usage(2));
  test::equal(js.pass(monitor), "/=? /a=1 /b=2");
  temp.remove("a");
  temp.remove("b");
  test::equal(js.pass(monitor), "/a ended=? /b ended=? /=?", "nothing older than what was told");
  test::equal(monitor.stats().counters.ends_unread, 1u);
  test::equal(monitor.stats().counters.ends_read, 1u);
}};

const test::Test kShort{"cgroup monitor: one that lives and dies between two passes is told of with what it used", [] {
  const TempTree temp;
  CgroupMonitor monitor = monitor_of(temp);
  Listener js;
  js.pass(monitor);
  temp.file("short/cpu.stat", usage(5));
  temp.file("short/cgroup.events", "populated 1\n");
  monitor.handle_changes(kGo);
  temp.file("short/cgroup.events", "populated 0\n");
  monitor.handle_changes(kGo);
  temp.remove("short");
  temp.directory("unseen");
  temp.remove("unseen");
  test::equal(js.pass(monitor), "/short ended=5 /=?");
  test::equal(monitor.stats().counters.ends_brief, 1u);
  check(js.made_is_known("/short"));
  test::equal(js.pass(monitor), "/=?");
}};

const test::Test kAtOnce{"cgroup monitor: the end of a run is read at once, although changes wait", [] {
  const TempTree temp;
  temp.file("a/cpu.stat", usage(1));
  temp.file("a/cgroup.events", "populated 1\n");
  CgroupMonitor monitor = monitor_of(temp);
  Listener js;
  js.pass(monitor);
  temp.directory("b");
  temp.file("a/cpu.stat", usage(7));
  temp.file("a/cgroup.events", "populated 0\n");
  monitor.handle_states(kGo);
  test::equal(monitor.stats().cgroups, 2u, "nothing else is taken in");
  temp.file("a/cpu.stat", usage(0));
  temp.remove("a");
  test::equal(js.pass(monitor), "/a ended=7 /=? /b=?");
}};

const test::Test kWaited{"cgroup monitor: what was gathered was made when it was first told of", [] {
  const TempTree temp;
  CgroupMonitor monitor = monitor_of(temp);
  Listener js;
  js.pass(monitor);
  temp.directory("a");
  monitor.changes_wait(123'000'000);
  js.pass(monitor);
  test::equal(js.last().entries.back(), 123.0);
  temp.directory("b");
  js.pass(monitor);
  check(js.last().entries.back() > 123.0, "once only");
}};

const test::Test kEmptyNew{"cgroup monitor: a new cgroup in which nothing runs is in the next pass, and its numbers are the last if nothing comes", [] {
  const TempTree temp;
  CgroupMonitor monitor = monitor_of(temp);
  Listener js;
  js.pass(monitor);
  temp.file("a/cpu.stat", usage(4));
  temp.file("a/cgroup.events", "populated 0\n");
  monitor.handle_changes(kGo);
  check(monitor.anything_waits());
  test::equal(monitor.stats().cgroups, 1u);
  test::equal(js.pass(monitor), "/=? /a=4");
  check(!monitor.anything_waits());
  temp.remove("a");
  test::equal(js.pass(monitor), "/a ended=? /=?");
  test::equal(monitor.stats().counters.ends_read, 1u);
}};

const test::Test kSiblings{"cgroup monitor: a file that no sibling has is not looked for in a new one, until controllers change or some passes later", [] {
  const TempTree temp;
  // It answers, and so is there.
  for (const char* const path : {"none/a", "some/a"}) temp.file(std::string(path) + "/pids.current", "1\n");
  temp.file("some/b/cpu.stat", usage(1));
  for (const char* const path : {"none", "some"}) temp.file(std::string(path) + "/cgroup.subtree_control", "");
  const GroupMask groups = mask_of(Group::kCpu) | mask_of(Group::kPids);
  CgroupMonitor monitor = CgroupMonitor::open({.tree = temp.options(), .groups = groups, .walk_interval_ns = kNever}).value();
  Listener js;
  for (int i = 0; i < 4; i++) js.pass(monitor);
  for (const char* const path : {"none/new", "some/new"}) temp.file(std::string(path) + "/cpu.stat", usage(2));
  test::equal(js.pass(monitor), "/=? /none=? /none/a=? /none/new=? /some=? /some/a=? /some/b=1 /some/new=2");
  temp.file("none/cgroup.subtree_control", "cpu\n");
  test::equal(js.pass(monitor), "/=? /none=? /none/a=? /none/new=2 /some=? /some/a=? /some/b=1 /some/new=2");
}};

const test::Test kAgain{"cgroup monitor: a directory made again is another cgroup, which began no earlier than the old one was read", [] {
  const TempTree temp;
  temp.file("a/cpu.stat", usage(9));
  CgroupMonitor monitor = monitor_of(temp);
  Listener js;
  js.pass(monitor);
  const double old = js.key("/a"), read_ms = js.last().rows[Pass::kRowWords + 2];
  temp.recreate("a");
  temp.file("a/cpu.stat", usage(1));
  // The listing keeps the folder `old` out of it: it is gone again.
  test::equal(js.pass(monitor), "/a ended=? /=? /a=1");
  check(js.last().entries.back() >= read_ms);
  check(js.last().entries[0] != old);
}};

const test::Test kIgnored{"cgroup monitor: what nobody wants is not read, holds no file, and its end is told all the same", [] {
  const TempTree temp;
  temp.file("a/cpu.stat", usage(1));
  temp.file("a/b/cpu.stat", usage(2));
  CgroupMonitor monitor = monitor_of(temp);
  Listener js;
  js.pass(monitor);
  const std::size_t before = monitor.stats().open_fds;
  monitor.ignore(static_cast<std::uint64_t>(js.key("/a")));
  monitor.ignore(4711);
  test::equal(js.pass(monitor), "/=? /a/b=2");
  test::equal(monitor.stats().open_fds, before - 2);
  temp.file("a/c/cpu.stat", usage(3));
  test::equal(js.pass(monitor), "/=? /a/b=2 /a/c=3", "what lies below it is followed");
  temp.remove("a");
  test::equal(js.pass(monitor), "/a/b ended=? /a/c ended=? /a ended=? /=?");
  test::equal(monitor.stats().counters.ends_unread, 2u);
}};

const test::Test kOverflow{"cgroup monitor: when the kernel had more to tell than it keeps, everything is listed once", [] {
  std::size_t queued = 0;
  std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> queued;
  check(queued > 0);
  const TempTree temp;
  CgroupMonitor monitor = monitor_of(temp);
  Listener js;
  js.pass(monitor);
  for (std::size_t i = 0; i <= queued / 2; i++) {
    temp.directory("flood");
    temp.remove("flood");
  }
  temp.file("late/cpu.stat", usage(1));
  test::equal(js.pass(monitor), "/=? /late=1");
  test::equal(monitor.stats().counters.overflows, 1u);
  test::equal(monitor.stats().counters.walks, 2u);
  temp.file("later/cpu.stat", usage(2));
  test::equal(js.pass(monitor), "/=? /late=1 /later=2");
  test::equal(monitor.stats().counters.walks, 2u, "and then no more");
}};

const test::Test kStatesOverflow{"cgroup monitor: when the kernel had more ends to tell than it keeps, that is known too", [] {
  std::size_t queued = 0;
  std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> queued;
  check(queued > 0);
  const TempTree temp;
  std::vector<UniqueFd> files;
  for (const char* const path : {"a", "b"}) {
    temp.file(std::string(path) + "/cgroup.events", "populated 1\n");
    files.emplace_back(open((temp.root() + "/" + path + "/cgroup.events").c_str(), O_WRONLY | O_CLOEXEC));
  }
  CgroupMonitor monitor = monitor_of(temp);
  Listener js;
  js.pass(monitor);
  // By turns: the kernel tells of several changes of one file in a row once.
  for (std::size_t i = 0; i <= queued; i++) check(pwrite(files[i % 2].get(), "p", 1, 0) == 1);
  monitor.handle_states(kGo);
  test::equal(monitor.stats().counters.overflows, 1u);
  js.pass(monitor);
  test::equal(monitor.stats().counters.walks, 2u);
}};

const test::Test kStopped{"cgroup monitor: among changes too it ends early when told to", [] {
  const TempTree temp;
  CgroupMonitor monitor = monitor_of(temp);
  Listener js;
  js.pass(monitor);
  for (int i = 0; i < 10; i++) temp.directory("s" + std::to_string(i));
  const std::atomic<bool> stop{true};
  monitor.handle_changes(stop);
  test::equal(monitor.stats().cgroups, 1u);
}};

/// Leaves the process room for `more` descriptors while it lives.
class Tight {
 public:
  explicit Tight(rlim_t more) {
    getrlimit(RLIMIT_NOFILE, &usual_);
    int highest = 0;
    for (int fd = 0; fd < 1024; fd++) highest = fcntl(fd, F_GETFD) >= 0 ? fd : highest;
    for (int fd = dup(0); fd >= 0; fd = dup(0)) {
      UniqueFd own(fd);
      if (fd > highest) break;
      gaps_.push_back(std::move(own));
    }
    const rlimit tight{.rlim_cur = static_cast<rlim_t>(highest) + 1 + more, .rlim_max = usual_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &tight);
  }
  ~Tight() { setrlimit(RLIMIT_NOFILE, &usual_); }
  Tight(const Tight&) = delete;
  Tight& operator=(const Tight&) = delete;

 private:
  rlimit usual_{};
  std::vector<UniqueFd> gaps_;
};

const test::Test kBlind{"cgroup monitor: without inotify each pass lists the tree", [] {
  const TempTree temp;
  temp.file("a/cpu.stat", usage(1));
  CgroupMonitor monitor = [&] {
    const Tight tight(1);  // for the root alone
    return monitor_of(temp);
  }();
  test::equal(monitor.changes_fd(), -1);
  Listener js;
  test::equal(js.pass(monitor), "/=? /a=1");
  temp.remove("a");
  temp.file("b/cpu.stat", usage(2));
  test::equal(js.pass(monitor), "/a ended=? /=? /b=2");
  test::equal(monitor.stats().counters.walks, 2u);
  check(js.made_is_known("/b"), "after the pass before");
}};

const test::Test kUnlisted{"cgroup monitor: a directory that cannot be listed ends nothing, and nothing in it seems new later", [] {
  const TempTree temp;
  temp.file("a/cpu.stat", usage(1));
  temp.file("a/b/cpu.stat", usage(2));
  Listener js, late;
  CgroupMonitor monitor = monitor_of(temp, 1000, 0), first = monitor_of(temp);
  js.pass(monitor);
  {
    const Tight tight(0);
    js.pass(monitor);
    late.pass(first);
  }
  check(monitor.stats().counters.io_errors.contains(EMFILE));
  test::equal(monitor.stats().counters.ends_unread, 0u);
  test::equal(js.pass(monitor), "/=? /a=1 /a/b=2", "nothing ended");
  test::equal(late.pass(first), "/=? /a=1 /a/b=2", "walked again at once");
  check(!late.made_is_known("/a") && !late.made_is_known("/a/b"), "they were there before the first walk");
  late.pass(first);
  test::equal(first.stats().counters.walks, 2u, "and then no more");
}};

const test::Test kUnlistedNew{"cgroup monitor: what lies in a new directory that could not be listed is found by the next pass", [] {
  const TempTree temp;
  CgroupMonitor monitor = monitor_of(temp);
  Listener js;
  js.pass(monitor);
  temp.file("a/b/cpu.stat", usage(2));
  {
    const Tight tight(1);  // room for the directory, and none for listing it
    monitor.handle_changes(kGo);
  }
  check(monitor.stats().counters.io_errors.contains(EMFILE));
  test::equal(js.pass(monitor), "/=? /a=? /a/b=2");
  test::equal(monitor.stats().counters.missed, 0u);
}};

const test::Test kShare{"cgroup monitor: it takes a share of the machine's watches, lists the tree for the rest, and goes back when there is room", [] {
  const TempTree temp;
  for (const char* const path : {"a", "b", "c"}) {
    temp.file(std::string(path) + "/cgroup.events", "populated 1\n");
    temp.file(std::string(path) + "/cpu.stat", usage(1));
  }
  TreeOptions options = temp.options();
  options.max_watches = 4;  // the root, one whole cgroup, and half of one
  CgroupMonitor monitor = CgroupMonitor::open({.tree = options, .groups = mask_of(Group::kCpu), .walk_interval_ns = kNever}).value();
  Listener js;
  js.pass(monitor);
  test::equal(monitor.stats().watches, 3u, "half of one is none");
  test::equal(monitor.stats().unwatched, 2u);
  temp.file("d/cpu.stat", usage(4));
  test::equal(js.pass(monitor), "/=? /a=1 /b=1 /c=1 /d=4");
  temp.remove("a");
  temp.remove("b");
  temp.remove("c");
  js.pass(monitor);
  js.pass(monitor);
  test::equal(monitor.stats().unwatched, 0u);
  const std::uint64_t walks = monitor.stats().counters.walks;
  js.pass(monitor);
  test::equal(monitor.stats().counters.walks, walks, "all is told again");
  check(CgroupWatch::fair_share() > 0);
}};

/// A cgroup of its own, where this process may make one.
class OwnCgroup {
 public:
  OwnCgroup() {
    for (const char* const mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
      root_ = std::string(mount) + "/unitscope-test-" + std::to_string(getpid());
      if (CgroupTree::open({.root = mount}) && mkdir(root_.c_str(), 0755) == 0) return;
    }
    root_.clear();
  }
  ~OwnCgroup() {
    for (const char* const leaf : {"a", "b"}) remove(leaf);
    rmdir(root_.c_str());
  }
  OwnCgroup(const OwnCgroup&) = delete;
  OwnCgroup& operator=(const OwnCgroup&) = delete;
  [[nodiscard]] const std::string& root() const noexcept { return root_; }
  void make(const char* leaf) const { check(mkdir((root_ + "/" + leaf).c_str(), 0755) == 0); }
  void remove(const char* leaf) const { rmdir((root_ + "/" + leaf).c_str()); }

 private:
  std::string root_;
};

const test::Test kLeaves{"cgroup monitor: a leaf for which there was no watch is followed once there is one", [] {
  const OwnCgroup own;  // a plain directory will not do: there all are listed, leaves too
  if (own.root().empty()) return;
  own.make("a");
  // Three of the root, and two of a leaf.
  const TreeOptions options{.root = own.root(), .max_cgroups = 10, .max_depth = 10, .max_open_files = 100, .max_watches = 5};
  CgroupMonitor monitor = CgroupMonitor::open({.tree = options, .groups = mask_of(Group::kCpu), .walk_interval_ns = kNever}).value();
  Listener js;
  js.pass(monitor);
  test::equal(monitor.stats().unwatched, 0u);
  own.make("b");
  js.pass(monitor);
  test::equal(monitor.stats().unwatched, 1u);
  own.remove("a");
  js.pass(monitor);
  test::equal(monitor.stats().unwatched, 0u);
}};

const test::Test kKept{"cgroup monitor: a pass that could read nothing does not replace the last reading", [] {
  const TempTree temp;
  temp.file("a/cpu.stat", usage(7));
  temp.file("a/cgroup.events", "populated 1\n");
  TreeOptions options = temp.options();
  options.max_open_files = 0;
  CgroupMonitor monitor = CgroupMonitor::open({.tree = options, .groups = mask_of(Group::kCpu), .walk_interval_ns = kNever}).value();
  Listener js;
  js.pass(monitor);
  temp.file("a/cgroup.events", "populated 0\n");
  monitor.handle_changes(kGo);
  {
    const Tight tight(0);
    test::equal(js.pass(monitor), "/=? /a=?");
  }
  temp.remove("a");
  test::equal(js.pass(monitor), "/a ended=7 /=?");
}};

const test::Test kWalks{"cgroup monitor: the tree is listed now and then even if all is told, and each time past the limit", [] {
  const TempTree temp;
  CgroupMonitor often = monitor_of(temp, 1000, 0);
  Listener js;
  for (int i = 0; i < 3; i++) js.pass(often);
  test::equal(often.stats().counters.walks, 3u);
  test::equal(often.stats().counters.missed, 0u);

  for (const char* const path : {"a", "b", "c"}) temp.directory(path);
  CgroupMonitor full = monitor_of(temp, 3);
  Listener other;
  other.pass(full);
  test::equal(full.stats().skipped, 1u);
  temp.remove("a");
  temp.remove("b");
  test::equal(other.pass(full).find("/c=?") != std::string::npos, true, "room again");
  test::equal(full.stats().skipped, 0u);
}};

const test::Test kAppears{"cgroup monitor: a file that was missing is found some passes later", [] {
  const TempTree temp;
  temp.directory("a");
  CgroupMonitor monitor = monitor_of(temp);
  Listener js;
  test::equal(js.pass(monitor), "/=? /a=?");
  temp.file("a/cpu.stat", usage(1));
  std::string seen;
  for (int i = 0; i < 8; i++) seen = js.pass(monitor);
  test::equal(seen, "/=? /a=1");
}};

const test::Test kControllers{"cgroup monitor: a file that was missing is found at once when the parent's controllers change", [] {
  const TempTree temp;
  temp.file("slice/cgroup.subtree_control", "");
  temp.directory("slice/a");
  CgroupMonitor monitor = monitor_of(temp);
  Listener js;
  test::equal(js.pass(monitor), "/=? /slice=? /slice/a=?");
  temp.directory("slice/b");
  js.pass(monitor);
  for (const char* const path : {"slice/a/cpu.stat", "slice/b/cpu.stat"}) temp.file(path, usage(1));
  temp.file("slice/cgroup.subtree_control", "cpu\n");
  test::equal(js.pass(monitor), "/=? /slice=? /slice/a=1 /slice/b=1");
}};

const test::Test kRoot{"cgroup monitor: a root that is gone is said so, and nothing is read", [] {
  const TempTree temp;
  temp.directory("sub/a");
  TreeOptions options = temp.options();
  options.root += "/sub";
  CgroupMonitor monitor = CgroupMonitor::open({.tree = options, .groups = kAllGroups, .walk_interval_ns = kNever}).value();
  Listener js;
  test::equal(js.pass(monitor), "/=? /a=?");
  temp.remove("sub");
  test::equal(js.pass(monitor), "");
  check(js.last().root_gone);
}};

}  // namespace
}  // namespace unitscope::cgroup
