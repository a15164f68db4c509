#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/result.h"
#include "os/cgroup_node.h"

namespace unitscope::cgroup {

struct TreeOptions {
  /// Mount point of cgroup v2, or a directory below it.
  std::string root;
  /// Takes any directory for a cgroup (tests on a plain tree).
  bool any_filesystem = false;
  /// Most cgroups known at once, the root included.
  std::size_t max_cgroups = 0;
  /// Levels below the root.
  std::size_t max_depth = 0;
};

struct OpenError {
  /// errno, or 0 when the root is a directory of another file system than cgroup v2.
  int error = 0;
};

/// The cgroups below one directory, each with its identity and its open descriptors. One thread at a time.
class CgroupTree {
 public:
  static Result<CgroupTree, OpenError> open(TreeOptions options);

  /// Walks the tree: new directories are opened, known ones kept, gone or re-created ones closed, invocation IDs read
  /// again (systemd may start a new run in a cgroup it kept). Indices of nodes() are valid until the next scan.
  void scan();

  /// In the order of the walk, a parent before its children; empty before the first scan and when the root is gone.
  [[nodiscard]] std::span<Node> nodes() noexcept { return nodes_; }
  [[nodiscard]] int root() const noexcept { return root_.get(); }
  /// Whether the root's path still leads to the directory that was opened.
  [[nodiscard]] bool root_is_there() const noexcept;
  /// Directories the last scan met past max_cgroups or max_depth; what lies below them is not counted.
  [[nodiscard]] std::size_t skipped() const noexcept { return skipped_; }
  [[nodiscard]] FdBudget& budget() noexcept { return budget_; }
  [[nodiscard]] Counters& counters() noexcept { return counters_; }
  /// Bytes on this heap, estimated from the sizes of what is kept.
  [[nodiscard]] std::size_t bytes() const noexcept;

 private:
  using Known = std::unordered_map<std::string, Node>;
  struct Pending {
    std::size_t index;
    std::size_t depth;
  };

  CgroupTree(TreeOptions options, UniqueFd root) noexcept : options_(std::move(options)), root_(std::move(root)) {}
  /// Adds the children of one directory; returns errno where it cannot be listed.
  [[nodiscard]] int list(Pending parent, Known& known, std::vector<Pending>& pending);
  /// Adds one child of the open directory `parent_dir`, unless it is gone already.
  void visit(int parent_dir, Pending parent, const char* name, Known& known, std::vector<Pending>& pending);
  void add(Node node);
  void keep_within_budget(Node& node) noexcept;

  TreeOptions options_;
  UniqueFd root_;
  std::vector<Node> nodes_;
  std::size_t skipped_ = 0;
  FdBudget budget_;
  Counters counters_;
};

}  // namespace unitscope::cgroup
