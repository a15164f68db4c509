#include "os/cgroup_tree.h"

#include <sys/resource.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "harness.h"
#include "os/cgroup_file_reader.h"
#include "support/temp_tree.h"

namespace unitscope::cgroup {
namespace {

namespace fs = std::filesystem;
using test::check;
using test::TempTree;

CgroupTree open_tree(const TempTree& temp, std::size_t max_cgroups = 1000, std::size_t max_depth = 16) {
  return CgroupTree::open(temp.options(max_cgroups, max_depth)).value();
}

/// Paths after a walk, joined with blanks; the root shows as `.`.
std::string walked(CgroupTree& tree) {
  tree.walk(1);
  std::string out;
  for (const auto& [path, node] : tree.nodes()) out += (out.empty() ? "" : " ") + (path.empty() ? "." : node->path);
  return out;
}

Node* node_at(CgroupTree& tree, std::string_view path) {
  const auto found = tree.nodes().find(path);
  return found == tree.nodes().end() ? nullptr : found->second.get();
}

std::size_t open_descriptors() {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

const test::Test kOpen{"cgroup tree: the root must be a directory of cgroup v2", [] {
  const TempTree temp;
  const auto open = [](std::string root) {
    return CgroupTree::open({.root = std::move(root), .max_cgroups = 10, .max_depth = 10});
  };
  const auto missing = open(temp.root() + "/nowhere");
  check(!missing.ok() && missing.error().error == ENOENT);
  const auto other = open(temp.root());
  check(!other.ok() && other.error().error == 0, "a plain directory is not a cgroup");
}};

const test::Test kScan{"cgroup tree: a walk follows directories that come and go", [] {
  const TempTree temp;
  temp.file("system.slice/a.service/cpu.stat", "usage_usec 1\n");
  temp.directory("system.slice/dev-disk\\x2dby.swap");
  temp.directory("odd\nname");
  temp.directory("bytes\xff");
  fs::create_directory_symlink("/", temp.root() + "/link");
  CgroupTree tree = open_tree(temp);
  test::equal(walked(tree), ". bytes\xff odd\nname system.slice system.slice/a.service system.slice/dev-disk\\x2dby.swap");

  temp.remove("system.slice/a.service");
  temp.remove("odd\nname");
  temp.directory("bytes\xff/deep/deeper");
  test::equal(walked(tree),
              ". bytes\xff bytes\xff/deep bytes\xff/deep/deeper system.slice system.slice/dev-disk\\x2dby.swap");
}};

const test::Test kIncarnation{"cgroup tree: a directory made again is another cgroup, and the old descriptor never answers for it", [] {
  const TempTree temp;
  temp.file("a.service/memory.current", "1\n");
  CgroupTree tree = open_tree(temp);
  tree.walk(1);
  const std::uint64_t before = node_at(tree, "a.service")->id;
  node_at(tree, "a.service")->read_ns = 100;
  node_at(tree, "a.service")->final = std::make_unique<Reading>();
  node_at(tree, "a.service")->final->monotonic_ns = 200;

  temp.recreate("a.service");
  temp.file("a.service/memory.current", "2\n");
  FileReader reader;
  Sample sample;
  std::vector<IoDevice> devices;
  check(!reader.read(tree, *node_at(tree, "a.service"), kAllGroups, true, sample, devices), "read between restart and walk");
  check(sample.present == 0);
  test::equal(tree.counters().vanished, 1u);

  tree.walk(1);
  check(node_at(tree, "a.service")->id != before);
  test::equal(node_at(tree, "a.service")->made_ns, 200u, "no sooner than the last numbers of the old one");
  check(reader.read(tree, *node_at(tree, "a.service"), kAllGroups, true, sample, devices));
  test::equal(sample.get(Field::kMemoryCurrent), 2u);
}};

const test::Test kInvocation{"cgroup tree: an invocation ID is PID 1's; a service that may write user attributes cannot replace it", [] {
  const TempTree temp;
  temp.directory("a.service");
  const std::string path = temp.root() + "/a.service", forged(32, 'f'), real(32, '1');
  CgroupTree tree = open_tree(temp);
  tree.walk(1);
  const auto id = [&] {
    tree.watch().begin();
    for (CgroupWatch::Change change; tree.watch().next(change);) tree.apply(change, 1);
    const InvocationId& found = node_at(tree, "a.service")->invocation;
    return found[0] == '\0' ? std::string() : std::string(found.begin(), found.end());
  };
  test::equal(id(), "");
  if (setxattr(path.c_str(), "user.invocation_id", forged.data(), forged.size(), 0) != 0) {
    return test::equal(errno, ENOTSUP, "a file system without attributes is the only excuse");
  }
  test::equal(id(), forged, "all that an agent without privilege can read");
  if (setxattr(path.c_str(), "trusted.invocation_id", real.data(), real.size(), 0) != 0) {
    return test::equal(errno, EPERM, "for root only");
  }
  test::equal(id(), real);
}};

const test::Test kBusy{"cgroup tree: changes that go on while they are taken in do not keep the reader for ever", [] {
  const TempTree temp;
  CgroupTree tree = open_tree(temp);
  tree.walk(1);
  const auto taken = [&](int more) {
    int count = 0;
    tree.watch().begin();
    // Each change brings about another, for as long as anybody listens.
    for (CgroupWatch::Change change; count < 10'000 && tree.watch().next(change); count++) {
      if (more > 0) temp.directory("more" + std::to_string(more + count));
    }
    return count;
  };
  for (int i = 0; i < 1000; i++) temp.directory("first" + std::to_string(i));
  test::equal(taken(1), 1000, "more than fits the buffer");
  test::equal(taken(0), 1000, "those that came meanwhile");
  test::equal(taken(0), 0);
}};

const test::Test kReplaced{"cgroup tree: a walk lets go of each dead incarnation at once, not at its end", [] {
  const TempTree temp;
  const auto each = [](auto visit) {
    for (int i = 0; i < 50; i++) visit("s" + std::to_string(i));
  };
  each([&](const std::string& path) { temp.directory(path); });
  CgroupTree tree = open_tree(temp);
  tree.walk(1);
  each([&](const std::string& path) { temp.recreate(path); });
  rlimit usual{};
  getrlimit(RLIMIT_NOFILE, &usual);
  // Half of these may be kept open: the old and the new ones together would be all of them.
  const rlimit tight{.rlim_cur = 60, .rlim_max = usual.rlim_max};
  setrlimit(RLIMIT_NOFILE, &tight);
  tree.walk(1);
  setrlimit(RLIMIT_NOFILE, &usual);
  test::equal(tree.nodes().size(), 51u);
  check(tree.counters().io_errors.empty(), "no EMFILE");
}};

const test::Test kLimits{"cgroup tree: breadth and depth are bounded, and what is left out is counted", [] {
  const TempTree temp;
  for (int i = 0; i < 10; i++) temp.directory("s" + std::to_string(i));
  CgroupTree few = open_tree(temp, 4);
  few.walk(1);
  test::equal(few.nodes().size(), 4u);
  test::equal(few.skipped(), 7u);

  const TempTree deep;
  deep.directory("1/2/3/4");
  CgroupTree shallow = open_tree(deep, 1000, 2);
  test::equal(walked(shallow), ". 1 1/2");
  test::equal(shallow.skipped(), 1u);
}};

const test::Test kRead{"cgroup files: missing, malformed, empty and too long are all absent, and told apart in the counters", [] {
  const TempTree temp;
  temp.file("a/cpu.stat", "usage_usec 5\n");
  temp.file("a/memory.current", "-1\n");
  temp.file("a/memory.max", "");
  temp.file("a/memory.stat", std::string(1 << 20, 'x') + "\n");
  temp.file("a/io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4\n");
  temp.directory("a/pids.current");  // EISDIR: readable as nothing
  CgroupTree tree = open_tree(temp);
  tree.walk(1);
  FileReader reader;
  Sample sample;
  std::vector<IoDevice> devices;
  check(reader.read(tree, *node_at(tree, "a"), kAllGroups, true, sample, devices));
  test::equal(sample.get(Field::kCpuUsageUsec), 5u);
  check(!sample.has(Field::kCpuPeriods) && !sample.has(Field::kMemoryCurrent) && !sample.has(Field::kMemoryMax));
  check(!sample.has(Field::kMemoryStatAnon) && !sample.has(Field::kPidsCurrent) && !sample.has(Field::kMemoryPeak));
  test::equal(sample.get(Field::kIoDevices), 1u);
  test::equal(devices.size(), 1u);
  std::string errors;
  for (std::size_t i = 0; i < kFileCount; i++) {
    if (tree.counters().parse_errors[i] > 0) errors += std::string(kFiles[i].name) + " ";
  }
  test::equal(errors, "memory.current memory.stat memory.max ");
  test::equal(tree.counters().io_errors[EISDIR], 1u);
  test::equal(tree.counters().vanished, 0u);
}};

const test::Test kGroups{"cgroup files: what is switched off is not read", [] {
  const TempTree temp;
  temp.file("a/cpu.stat", "usage_usec 5\n");
  temp.file("a/memory.current", "malformed");
  CgroupTree tree = open_tree(temp);
  tree.walk(1);
  FileReader reader;
  Sample sample;
  std::vector<IoDevice> devices;
  check(reader.read(tree, *node_at(tree, "a"), mask_of(Group::kCpu), true, sample, devices));
  check(sample.has(Field::kCpuUsageUsec));
  test::equal(tree.counters().parse_errors[1], 0u);
}};

const test::Test kNothing{"cgroup files: a living cgroup without any controller is empty, not gone", [] {
  const TempTree temp;
  temp.directory("a");
  CgroupTree tree = open_tree(temp);
  tree.walk(1);
  FileReader reader;
  Sample sample;
  std::vector<IoDevice> devices;
  check(reader.read(tree, *node_at(tree, "a"), kAllGroups, true, sample, devices));
  test::equal(sample.present, 0u);
  temp.remove("a");
  check(!reader.read(tree, *node_at(tree, "a"), kAllGroups, true, sample, devices));
  test::equal(tree.counters().vanished, 1u);
}};

const test::Test kFds{"cgroup tree: few descriptors allowed means slower, not wrong; and all are closed in the end", [] {
  const TempTree temp;
  for (int i = 0; i < 50; i++) temp.file("s" + std::to_string(i) + "/cpu.stat", "usage_usec " + std::to_string(i) + "\n");
  const std::size_t before = open_descriptors();
  rlimit usual{};
  getrlimit(RLIMIT_NOFILE, &usual);
  {
    CgroupTree tree = open_tree(temp);
    FileReader reader;
    Sample sample;
    std::vector<IoDevice> devices;
    const auto read_all = [&] {
      tree.keep_within_budget();
      tree.walk(1);
      std::size_t right = 0;
      for (const auto& [path, owned] : tree.nodes()) {
        Node& node = *owned;
        if (path.empty()) continue;
        const bool alive = reader.read(tree, node, kAllGroups, true, sample, devices);
        right += alive && "s" + std::to_string(sample.get(Field::kCpuUsageUsec)) == node.path ? 1 : 0;
      }
      return right;
    };
    test::equal(read_all(), 50u);
    test::equal(tree.budget().used(), 101u, "a directory each, and each cpu.stat");

    const rlimit tight{.rlim_cur = 60, .rlim_max = usual.rlim_max};
    setrlimit(RLIMIT_NOFILE, &tight);
    const std::size_t right = read_all();
    const std::size_t used = tree.budget().used();
    setrlimit(RLIMIT_NOFILE, &usual);
    test::equal(right, 50u);
    test::equal(used, 30u, "half of a small limit");
    test::equal(read_all(), 50u);
    test::equal(tree.budget().used(), 101u, "and all again when the limit is raised");
    check(tree.counters().io_errors.empty());
  }
  test::equal(open_descriptors(), before);
}};

const test::Test kRootGone{"cgroup tree: a root that is removed leaves no cgroups", [] {
  const TempTree temp;
  temp.directory("sub/a");
  TreeOptions sub = temp.options();
  sub.root += "/sub";
  auto opened = CgroupTree::open(sub);
  check(opened.ok());
  CgroupTree tree = std::move(opened).value();
  tree.walk(1);
  test::equal(tree.nodes().size(), 2u);
  FileReader reader;
  Sample sample;
  std::vector<IoDevice> devices;
  check(reader.read(tree, *node_at(tree, ""), kAllGroups, true, sample, devices), "there, without any controller");
  // In cgroupfs a removed directory looks like any other through its descriptor, as one that was moved away does here.
  fs::rename(temp.root() + "/sub", temp.root() + "/moved");
  temp.directory("sub");
  check(!reader.read(tree, *node_at(tree, ""), kAllGroups, true, sample, devices));
  test::equal(tree.counters().vanished, 1u);
  temp.remove("sub");
  tree.walk(1);
  test::equal(tree.nodes().size(), 0u);
}};

/// Takes in the changes, and not the states.
void take_in(CgroupTree& tree, std::uint64_t made_ns = 1) {
  tree.watch().begin();
  for (CgroupWatch::Change change; tree.watch().next(change);) tree.apply(change, made_ns);
}

const test::Test kGathered{"cgroup tree: what comes and goes before anybody looks costs no look, and is counted; each that is there is taken in once", [] {
  struct Case {
    const char* name;
    const char* happens;  // each letter: m made, r removed, a attribute; of one directory
    bool known, there;    // before, after
    std::uint64_t brief, ended;
    std::size_t looks;  // keys given out
  };
  const Case cases[] = {
      {"made", "m", false, true, 0, 0, 1},
      {"made and described", "maa", false, true, 0, 0, 1},
      {"made and removed", "mar", false, false, 1, 0, 0},
      {"twice", "mrmr", false, false, 2, 0, 0},
      {"made again", "mrm", false, true, 1, 0, 1},
      {"removed", "r", true, false, 0, 1, 0},
      {"known and made again", "rm", true, true, 0, 1, 1},
      {"known, and another one came and went", "rmr", true, false, 1, 1, 0},
      {"described", "aa", true, true, 0, 0, 0},
  };
  for (const Case& one : cases) {
    const TempTree temp;
    CgroupTree tree = open_tree(temp);
    tree.walk(1);
    if (one.known) {
      temp.directory("x");
      take_in(tree);
    }
    temp.directory("before");
    take_in(tree);
    const std::uint64_t first = node_at(tree, "before")->key;
    for (const char* letter = one.happens; *letter != '\0'; letter++) {
      if (*letter == 'm') temp.directory("x");
      if (*letter == 'r') temp.remove("x");
      if (*letter == 'a') fs::permissions(temp.root() + "/x", fs::perms::all);
    }
    temp.directory("after");
    take_in(tree);
    test::equal(node_at(tree, "x") != nullptr, one.there, one.name);
    test::equal(tree.counters().ends_brief, one.brief, one.name);
    test::equal(tree.counters().ends_lost, one.ended, one.name);
    test::equal(node_at(tree, "after")->key - first - 1, one.looks, one.name);
  }
}};

const test::Test kListed{"cgroup tree: one that was found by listing before its making was told is counted once when it goes", [] {
  const TempTree temp;
  CgroupTree tree = open_tree(temp);
  tree.walk(1);
  temp.directory("x");
  tree.walk(2);
  temp.remove("x");
  take_in(tree);
  check(node_at(tree, "x") == nullptr);
  test::equal(tree.counters().ends_lost, 1u);
  test::equal(tree.counters().ends_brief, 0u);
}};

const test::Test kNested{"cgroup tree: what came and went in a directory that is gone since is counted before its parent ends", [] {
  const TempTree temp;
  CgroupTree tree = open_tree(temp);
  tree.walk(1);
  temp.directory("parent");
  take_in(tree);
  fs::permissions(temp.root() + "/parent", fs::perms::all);
  temp.directory("parent/child");
  temp.remove("parent");
  take_in(tree);
  test::equal(tree.nodes().size(), 1u);
  test::equal(tree.counters().ends_brief, 1u);
  test::equal(tree.counters().ends_lost, 1u);
}};

const test::Test kStale{"cgroup tree: the state of one that has ended is nobody's", [] {
  const TempTree temp;
  for (const char* const path : {"a", "b"}) temp.file(std::string(path) + "/cgroup.events", "populated 1\n");
  CgroupTree tree = open_tree(temp);
  tree.walk(1);
  for (const char* const path : {"a", "b"}) temp.file(std::string(path) + "/cgroup.events", "populated 0\n");
  temp.recreate("a");
  take_in(tree);
  tree.watch().begin_states();
  std::string told;
  for (CgroupWatch::State state; tree.watch().next_state(state);) told = state.node->path;
  test::equal(told, "b");
}};

const test::Test kEmpty{"cgroup tree: a new one in which nothing runs waits, and is taken in once something does", [] {
  const TempTree temp;
  CgroupTree tree = open_tree(temp);
  tree.walk(1);
  const std::size_t fds = open_descriptors();
  std::vector<std::uint64_t>& keys = tree.taken_in();
  keys.clear();
  for (const char* const path : {"gone", "runs", "stays"}) temp.file(std::string(path) + "/cgroup.events", "populated 0\nfrozen 0\n");
  take_in(tree, 5);
  test::equal(tree.nodes().size(), 1u);
  test::equal(tree.budget().used(), 4u, "the root, and what tells of each");
  check(tree.any_waits());
  tree.admit(5 + Newcomers::kEmptyNs - 1);
  test::equal(keys.size(), 0u);

  temp.remove("gone");
  temp.file("runs/cgroup.events", "populated 1\nfrozen 0\n");
  temp.directory("runs/below");
  take_in(tree, 50);
  test::equal(tree.counters().ends_brief, 1u);
  tree.admit(5 + Newcomers::kEmptyNs - 1);
  test::equal(keys.size(), 2u);
  test::equal(tree.find(keys[0])->path, "runs");
  test::equal(tree.find(keys[0])->made_ns, 5u, "when it was told of");
  test::equal(node_at(tree, "runs/below")->made_ns, 5u, "no earlier than what it lies in");

  tree.admit(5 + Newcomers::kEmptyNs);
  test::equal(keys.size(), 3u);
  test::equal(tree.find(keys[2])->path, "stays");
  check(!tree.any_waits());
  test::equal(tree.counters().ends_brief, 1u);
  test::equal(open_descriptors(), fds + 3, "a directory each, and nothing else");
}};

const test::Test kEmptyAgain{"cgroup tree: of one that waits another may take the place, with its parent all in it goes, and too many do not wait", [] {
  const TempTree temp;
  CgroupTree tree = open_tree(temp);
  tree.walk(1);
  std::vector<std::uint64_t>& keys = tree.taken_in();
  keys.clear();
  const auto empty = [&](const std::string& path) { temp.file(path + "/cgroup.events", "populated 0\n"); };
  empty("x");
  take_in(tree, 5);
  temp.remove("x");
  empty("x");
  take_in(tree, 9);
  test::equal(tree.counters().ends_brief, 1u);
  tree.admit(UINT64_MAX);
  test::equal(tree.find(keys.at(0))->made_ns, 9u);

  empty("x/inner");
  take_in(tree, 10);
  check(tree.any_waits());
  fs::rename(temp.root() + "/x", temp.root() + "/y");
  temp.remove("y");
  take_in(tree, 11);
  tree.admit(UINT64_MAX);
  test::equal(tree.counters().ends_brief, 3u, "and `y`, which came and went");
  test::equal(tree.nodes().size(), 1u);

  for (std::size_t i = 0; i < Newcomers::kMaxWaiting + 3; i++) empty("many" + std::to_string(i));
  take_in(tree, 12);
  test::equal(tree.nodes().size(), 4u);
}};

}  // namespace
}  // namespace unitscope::cgroup
