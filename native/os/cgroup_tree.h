#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/result.h"
#include "os/cgroup_newcomers.h"
#include "os/cgroup_node.h"
#include "os/cgroup_watch.h"

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
  /// Most files kept open, docs/decisions/0121.
  std::size_t max_open_files = 0;
  /// Most inotify watches.
  std::size_t max_watches = CgroupWatch::fair_share();
};

struct OpenError {
  /// errno, or 0 when the root is a directory of another file system than cgroup v2.
  int error = 0;
};

/// Whether units lie in it, and no process.
[[nodiscard]] inline bool is_slice(std::string_view path) noexcept { return path.ends_with(".slice"); }

[[nodiscard]] inline std::string_view parent_of(std::string_view path) noexcept {
  const std::size_t end = path.rfind('/');
  return path.substr(0, end == std::string_view::npos ? 0 : end);
}

/// A cgroup that lay in a slice, and is gone.
struct Departed {
  std::uint64_t slice = 0;  ///< its key
  std::string path;
  /// Inode; 0 of one that nobody had taken in.
  std::uint64_t id = 0;
  InvocationId invocation{};
  /// As Node::oom_kills and oom_final.
  std::optional<std::uint64_t> oom_kills = {};
  bool oom_final = false;
  /// As Node::stirred_ns; of one that was not watched nothing.
  std::optional<std::uint64_t> stirred_ns = {};
  /// CgroupWatch::keep_memory(): the taker releases it.
  int watch = -1;
  /// Its counter began before us, and was never read.
  bool unknown = false;
};

/// The cgroups below one directory, each with its identity and its open descriptors: found by one walk, then followed by
/// what the kernel tells. One thread at a time.
class CgroupTree {
 public:
  using Nodes = std::map<std::string_view, std::unique_ptr<Node>>;

  static Result<CgroupTree, OpenError> open(TreeOptions options);

  /// Lists every directory: new ones are opened, gone or re-created ones closed. Needed once at the beginning, and whenever
  /// something may have been missed. What lies below a directory that cannot be listed (EMFILE, ENOMEM) is presumed to be there
  /// still, and the tree is not whole() until a later walk has listed all.
  void walk(std::uint64_t now_ns);
  /// Takes in what the kernel tells, but for kOverflow.
  ///
  /// \param made_ns  what is new was made about then
  void apply(const CgroupWatch::Change& change, std::uint64_t made_ns);
  /// Takes in those that were told of when nothing ran in them, and had to wait.
  ///
  /// \param now_ns  those are left which have only been empty since shortly before; UINT64_MAX: none is left
  void admit(std::uint64_t now_ns);
  /// Keys of those that are new, for the caller to take.
  [[nodiscard]] std::vector<std::uint64_t>& taken_in() noexcept { return taken_in_; }
  /// Whether any wait.
  [[nodiscard]] bool any_waits() const noexcept { return newcomers_.any(); }
  /// All changes up to `now_ns` are taken in: what is found later was made later.
  void settle(std::uint64_t now_ns) noexcept {
    if (whole()) sure_ns_ = now_ns;
  }

  /// What is absent here was so while it was there: its later siblings are not looked at for what none has.
  void learn_absent(Node& node) noexcept;

  /// By path, and so a parent before its children; empty before the first walk, and when the root is gone.
  [[nodiscard]] const Nodes& nodes() const noexcept { return nodes_; }
  [[nodiscard]] Node* find(std::uint64_t key) noexcept;
  /// The run in which one is: its own, or that of the service or scope that made it; all NUL when unknown.
  [[nodiscard]] InvocationId invocation_at(Node& node) noexcept;
  /// As invocation_at(), by the path of one that may not be known yet, with its id; both are left where it is not there.
  void identify(const std::string& path, std::uint64_t& id, InvocationId& invocation) const noexcept;
  /// Those that are gone, in the order of their ends, for the caller to take. The descriptors are closed.
  [[nodiscard]] std::vector<std::unique_ptr<Node>>& ended() noexcept { return ended_; }
  /// Those of slices that are gone, for the caller to take; kMaxDeparted at most.
  [[nodiscard]] std::vector<Departed>& departed() noexcept { return departed_; }
  static constexpr std::size_t kMaxDeparted = 4096;
  /// Nobody wants its numbers: what is open for them is closed. Its directory is still followed, for what lies below.
  void ignore(Node& node) noexcept;

  [[nodiscard]] int root() const noexcept { return root_.get(); }
  /// Whether the root's path still leads to the directory that was opened.
  [[nodiscard]] bool root_is_there() const noexcept;
  /// Directories met past max_cgroups or max_depth by the last walk and since; what lies below them is not counted.
  [[nodiscard]] std::size_t skipped() const noexcept { return skipped_; }
  /// Whether changes are told for all there is; if not, only a walk finds them.
  [[nodiscard]] bool whole() const noexcept { return watch_->whole() && skipped_ == 0 && !incomplete_; }
  [[nodiscard]] CgroupWatch& watch() noexcept { return *watch_; }
  [[nodiscard]] FdBudget& budget() noexcept { return budget_; }
  [[nodiscard]] Counters& counters() noexcept { return counters_; }
  /// Closes descriptors that a lowered limit does not allow any more.
  void keep_within_budget() noexcept;
  /// Bytes on this heap, estimated from the sizes of what is kept.
  [[nodiscard]] std::size_t bytes() const noexcept;

 private:
  CgroupTree(TreeOptions options, UniqueFd root)
      : options_(std::move(options)), root_(std::move(root)), watch_(std::make_unique<CgroupWatch>(options_.max_watches)),
        budget_(options_.max_open_files) {}

  void add_root();
  /// Adds the children of the directories in `pending_`, and theirs.
  void list_pending();
  [[nodiscard]] int list(Node& parent);
  /// Something could not be looked at: counts it, and keeps what is known at `path` and below.
  void unseen(const std::string& path, int error);
  /// Adds one child of the open directory `parent_dir`, or ends it, if it is gone or another one has its name.
  ///
  /// \return  that it is gone, and was never known
  bool visit(int parent_dir, Node& parent, const char* name);
  /// Looks whether one child is there, and whether it is the one that is known.
  ///
  /// \param may_wait  a new one in which nothing runs is not taken in yet
  /// \return  that it is gone, and was never known
  bool look_at(Node& parent, const char* name, std::uint64_t made_ns, bool may_wait);
  /// Takes a new cgroup in. Its directory is followed before it is listed, so that no child is missed.
  Node& add(std::string path, UniqueFd dir, std::uint64_t id, std::uint64_t made_ns);
  /// Files that were missing may be there now.
  void look_again_below(Node& parent) noexcept;
  void read_invocation(Node& node) noexcept;
  void end(Nodes::iterator at);
  // os/cgroup_departed.cc
  void depart(Node& node);
  /// One that nobody had taken in.
  void depart(const Node& slice, std::string_view name);
  void end_below(std::string_view path);

  TreeOptions options_;
  UniqueFd root_;
  // On the heap: what it gives out points into its buffer, and a tree is moved once it is open.
  std::unique_ptr<CgroupWatch> watch_;
  Nodes nodes_;
  std::unordered_map<std::uint64_t, Node*> by_key_;
  std::vector<std::unique_ptr<Node>> ended_;
  std::vector<Departed> departed_;
  std::vector<Node*> pending_;
  std::vector<std::uint64_t> taken_in_;
  Newcomers newcomers_;
  std::uint64_t next_key_ = 1;
  std::uint64_t walk_ = 0;
  /// What is found now was made no earlier than this; 0 when nothing is known of it.
  std::uint64_t newer_than_ns_ = 0;
  std::uint64_t sure_ns_ = 0;
  std::size_t skipped_ = 0;
  /// Something could not be looked at by the last walk or since.
  bool incomplete_ = false;
  FdBudget budget_;
  Counters counters_;
};

}  // namespace unitscope::cgroup
