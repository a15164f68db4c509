#include "os/cgroup_tree.h"

#include <sys/resource.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "harness.h"
#include "os/cgroup_file_reader.h"

namespace unitscope::cgroup {
namespace {

namespace fs = std::filesystem;
using test::check;

/// A folder that looks like a cgroup tree; gone at the end of the test.
class TempTree {
 public:
  TempTree() {
    std::string name = fs::temp_directory_path() / "cgroup-tree-XXXXXX";
    root_ = mkdtemp(name.data());
  }
  ~TempTree() { fs::remove_all(root_); }
  TempTree(const TempTree&) = delete;
  TempTree& operator=(const TempTree&) = delete;

  [[nodiscard]] std::string root() const { return root_; }
  void directory(const std::string& path) const { fs::create_directories(root_ / path); }
  void file(const std::string& path, std::string_view text) const {
    directory(fs::path(path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  void remove(const std::string& path) const { fs::remove_all(root_ / path); }
  /// A directory of the same name with another inode, as a restart leaves it.
  void recreate(const std::string& path) const {
    fs::rename(root_ / path, root_ / "old");
    directory(path);
    fs::remove_all(root_ / "old");
  }

  [[nodiscard]] CgroupTree open(std::size_t max_cgroups = 1000, std::size_t max_depth = 16) const {
    return CgroupTree::open({.root = root(), .any_filesystem = true, .max_cgroups = max_cgroups, .max_depth = max_depth})
        .value();
  }

 private:
  fs::path root_;
};

/// Paths after a scan, sorted, joined with blanks; the root shows as `.`.
std::string scanned(CgroupTree& tree) {
  tree.scan();
  std::vector<std::string> paths;
  for (const Node& node : tree.nodes()) paths.push_back(node.path.empty() ? "." : node.path);
  std::sort(paths.begin(), paths.end());
  std::string out;
  for (const std::string& path : paths) out += (out.empty() ? "" : " ") + path;
  return out;
}

Node* node_at(CgroupTree& tree, std::string_view path) {
  for (Node& node : tree.nodes()) {
    if (node.path == path) return &node;
  }
  return nullptr;
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

const test::Test kScan{"cgroup tree: a scan follows directories that come and go", [] {
  const TempTree temp;
  temp.file("system.slice/a.service/cpu.stat", "usage_usec 1\n");
  temp.directory("system.slice/dev-disk\\x2dby.swap");
  temp.directory("odd\nname");
  temp.directory("bytes\xff");
  fs::create_directory_symlink("/", temp.root() + "/link");
  CgroupTree tree = temp.open();
  test::equal(scanned(tree), ". bytes\xff odd\nname system.slice system.slice/a.service system.slice/dev-disk\\x2dby.swap");

  temp.remove("system.slice/a.service");
  temp.remove("odd\nname");
  temp.directory("bytes\xff/deep/deeper");
  test::equal(scanned(tree),
              ". bytes\xff bytes\xff/deep bytes\xff/deep/deeper system.slice system.slice/dev-disk\\x2dby.swap");
}};

const test::Test kIncarnation{"cgroup tree: a directory made again is another cgroup, and the old descriptor never answers for it", [] {
  const TempTree temp;
  temp.file("a.service/memory.current", "1\n");
  CgroupTree tree = temp.open();
  tree.scan();
  const std::uint64_t before = node_at(tree, "a.service")->id;

  temp.recreate("a.service");
  temp.file("a.service/memory.current", "2\n");
  FileReader reader;
  Sample sample;
  std::vector<IoDevice> devices;
  check(!reader.read(tree, *node_at(tree, "a.service"), kAllGroups, sample, devices), "read between restart and scan");
  check(sample.present == 0);
  test::equal(tree.counters().vanished, 1u);

  tree.scan();
  check(node_at(tree, "a.service")->id != before);
  check(reader.read(tree, *node_at(tree, "a.service"), kAllGroups, sample, devices));
  test::equal(sample.get(Field::kMemoryCurrent), 2u);
}};

const test::Test kInvocation{"cgroup tree: an invocation ID is PID 1's; a service that may write user attributes cannot replace it", [] {
  const TempTree temp;
  temp.directory("a.service");
  const std::string path = temp.root() + "/a.service", forged(32, 'f'), real(32, '1');
  CgroupTree tree = temp.open();
  const auto id = [&] {
    tree.scan();
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

const test::Test kReplaced{"cgroup tree: a scan lets go of each dead incarnation at once, not at its end", [] {
  const TempTree temp;
  const auto each = [](auto visit) {
    for (int i = 0; i < 50; i++) visit("s" + std::to_string(i));
  };
  each([&](const std::string& path) { temp.directory(path); });
  CgroupTree tree = temp.open();
  tree.scan();
  each([&](const std::string& path) { temp.recreate(path); });
  rlimit usual{};
  getrlimit(RLIMIT_NOFILE, &usual);
  // Half of these may be kept open: the old and the new ones together would be all of them.
  const rlimit tight{.rlim_cur = 60, .rlim_max = usual.rlim_max};
  setrlimit(RLIMIT_NOFILE, &tight);
  tree.scan();
  setrlimit(RLIMIT_NOFILE, &usual);
  test::equal(tree.nodes().size(), 51u);
  check(tree.counters().io_errors.empty(), "no EMFILE");
}};

const test::Test kLimits{"cgroup tree: breadth and depth are bounded, and what is left out is counted", [] {
  const TempTree temp;
  for (int i = 0; i < 10; i++) temp.directory("s" + std::to_string(i));
  CgroupTree few = temp.open(4);
  few.scan();
  test::equal(few.nodes().size(), 4u);
  test::equal(few.skipped(), 7u);

  const TempTree deep;
  deep.directory("1/2/3/4");
  CgroupTree shallow = deep.open(1000, 2);
  test::equal(scanned(shallow), ". 1 1/2");
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
  CgroupTree tree = temp.open();
  tree.scan();
  FileReader reader;
  Sample sample;
  std::vector<IoDevice> devices;
  check(reader.read(tree, *node_at(tree, "a"), kAllGroups, sample, devices));
  test::equal(sample.get(Field::kCpuUsageUsec), 5u);
  check(!sample.has(Field::kCpuPeriods) && !sample.has(Field::kMemoryCurrent) && !sample.has(Field::kMemoryMax));
  check(!sample.has(Field::kMemoryStatAnon) && !sample.has(Field::kPidsCurrent) && !sample.has(Field::kMemoryPeak));
  test::equal(sample.get(Field::kIoDevices), 1u);
  test::equal(devices.size(), 1u);
  std::string errors;
  for (std::size_t i = 0; i < kFileCount; i++) {
    if (tree.counters().parse_errors[i] > 0) errors += std::string(kFiles[i].name) + " ";
  }
  test::equal(errors, "memory.current memory.max memory.stat ");
  test::equal(tree.counters().io_errors[EISDIR], 1u);
  test::equal(tree.counters().vanished, 0u);
}};

const test::Test kGroups{"cgroup files: what is switched off is not read", [] {
  const TempTree temp;
  temp.file("a/cpu.stat", "usage_usec 5\n");
  temp.file("a/memory.current", "malformed");
  CgroupTree tree = temp.open();
  tree.scan();
  FileReader reader;
  Sample sample;
  std::vector<IoDevice> devices;
  check(reader.read(tree, *node_at(tree, "a"), mask_of(Group::kCpu), sample, devices));
  check(sample.has(Field::kCpuUsageUsec));
  test::equal(tree.counters().parse_errors[1], 0u);
}};

const test::Test kNothing{"cgroup files: a living cgroup without any controller is empty, not gone", [] {
  const TempTree temp;
  temp.directory("a");
  CgroupTree tree = temp.open();
  tree.scan();
  FileReader reader;
  Sample sample;
  std::vector<IoDevice> devices;
  check(reader.read(tree, *node_at(tree, "a"), kAllGroups, sample, devices));
  test::equal(sample.present, 0u);
  temp.remove("a");
  check(!reader.read(tree, *node_at(tree, "a"), kAllGroups, sample, devices));
  test::equal(tree.counters().vanished, 1u);
}};

const test::Test kFds{"cgroup tree: few descriptors allowed means slower, not wrong; and all are closed in the end", [] {
  const TempTree temp;
  for (int i = 0; i < 50; i++) temp.file("s" + std::to_string(i) + "/cpu.stat", "usage_usec " + std::to_string(i) + "\n");
  const std::size_t before = open_descriptors();
  rlimit usual{};
  getrlimit(RLIMIT_NOFILE, &usual);
  {
    CgroupTree tree = temp.open();
    FileReader reader;
    Sample sample;
    std::vector<IoDevice> devices;
    const auto read_all = [&] {
      tree.scan();
      std::size_t right = 0;
      for (Node& node : tree.nodes()) {
        if (node.path.empty()) continue;
        const bool alive = reader.read(tree, node, kAllGroups, sample, devices);
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
  auto opened = CgroupTree::open({.root = temp.root() + "/sub", .any_filesystem = true, .max_cgroups = 9, .max_depth = 9});
  check(opened.ok());
  CgroupTree tree = std::move(opened).value();
  tree.scan();
  test::equal(tree.nodes().size(), 2u);
  FileReader reader;
  Sample sample;
  std::vector<IoDevice> devices;
  check(reader.read(tree, tree.nodes()[0], kAllGroups, sample, devices), "there, without any controller");
  // In cgroupfs a removed directory looks like any other through its descriptor, as one that was moved away does here.
  fs::rename(temp.root() + "/sub", temp.root() + "/moved");
  temp.directory("sub");
  check(!reader.read(tree, tree.nodes()[0], kAllGroups, sample, devices));
  test::equal(tree.counters().vanished, 1u);
  temp.remove("sub");
  tree.scan();
  test::equal(tree.nodes().size(), 0u);
}};

}  // namespace
}  // namespace unitscope::cgroup
