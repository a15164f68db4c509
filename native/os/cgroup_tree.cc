#include "os/cgroup_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>

#include "core/base/hex.h"

namespace unitscope::cgroup {
namespace {

struct CloseDir {
  void operator()(DIR* dir) const noexcept { closedir(dir); }
};
using DirStream = std::unique_ptr<DIR, CloseDir>;

/// Lists through a descriptor of its own: readdir(3) moves the offset, and closedir(3) closes.
DirStream open_stream(int dir) noexcept {
  UniqueFd own(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* const stream = own ? fdopendir(own.get()) : nullptr;
  if (stream != nullptr) static_cast<void>(own.release());
  return DirStream(stream);
}

/// PID 1 writes the ID of the current run to both attributes (systemd 250 and later; older ones to trusted.* only). Reading
/// trusted.* needs CAP_SYS_ADMIN; user.* can be written by a service to which its cgroup is delegated.
InvocationId read_invocation(int dir) noexcept {
  for (const char* const name : {"trusted.invocation_id", "user.invocation_id"}) {
    std::array<char, 33> text;  // one more than an ID: a longer value is none
    if (fgetxattr(dir, name, text.data(), text.size()) != 32) continue;
    if (!std::all_of(text.begin(), text.begin() + 32, is_lower_hex)) continue;
    InvocationId id;
    std::copy_n(text.begin(), id.size(), id.begin());
    return id;
  }
  return {};
}

}  // namespace

Result<CgroupTree, OpenError> CgroupTree::open(TreeOptions options) {
  UniqueFd root(::open(options.root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return fail(OpenError{errno});
  struct statfs filesystem {};
  if (fstatfs(root.get(), &filesystem) != 0) return fail(OpenError{errno});
  if (!options.any_filesystem && filesystem.f_type != CGROUP2_SUPER_MAGIC) return fail(OpenError{0});
  return CgroupTree(std::move(options), std::move(root));
}

bool CgroupTree::root_is_there() const noexcept {
  // A removed directory can be listed through its descriptor and looks empty, so the path has to agree.
  struct stat found {}, named {};
  if (fstat(root_.get(), &found) != 0 || stat(options_.root.c_str(), &named) != 0) return false;
  return found.st_ino == named.st_ino && found.st_dev == named.st_dev;
}

void CgroupTree::scan() {
  Known known;
  known.reserve(nodes_.size());
  budget_.restart();
  for (Node& node : nodes_) {
    keep_within_budget(node);  // a limit that was lowered leaves room for the walk only once these are closed
    std::string path = node.path;
    known.insert_or_assign(std::move(path), std::move(node));
  }
  nodes_.clear();
  skipped_ = 0;
  budget_.restart();

  struct stat found {};
  if (!root_is_there() || fstat(root_.get(), &found) != 0) return;
  Node top;
  if (const auto old = known.find(""); old != known.end()) top = std::move(old->second);
  top.id = found.st_ino;
  if (!top.dir) top.dir.reset(openat(root_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  add(std::move(top));

  std::vector<Pending> pending = {{.index = 0, .depth = 0}};
  while (!pending.empty()) {
    const Pending next = pending.back();
    pending.pop_back();
    const int error = list(next, known, pending);
    if (error != 0 && !is_gone(error)) counters_.io_errors[error]++;
  }
}

int CgroupTree::list(Pending parent, Known& known, std::vector<Pending>& pending) {
  UniqueFd temporary;
  int dir = nodes_[parent.index].dir.get();
  if (dir < 0) {
    auto opened = open_by_path(root_.get(), nodes_[parent.index]);
    if (!opened) return opened.error();
    temporary = std::move(opened).value();
    dir = temporary.get();
  }
  const DirStream stream = open_stream(dir);
  if (stream == nullptr) return errno;
  for (;;) {
    errno = 0;
    const dirent* const entry = readdir(stream.get());
    if (entry == nullptr) return errno;
    const std::string_view name = entry->d_name;
    const bool may_be_directory = entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN;
    if (may_be_directory && name != "." && name != "..") visit(dir, parent, entry->d_name, known, pending);
  }
}

void CgroupTree::visit(int parent_dir, Pending parent, const char* name, Known& known, std::vector<Pending>& pending) {
  struct stat found {};
  if (fstatat(parent_dir, name, &found, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(found.st_mode)) return;
  if (parent.depth == options_.max_depth || nodes_.size() >= options_.max_cgroups) {
    skipped_++;
    return;
  }

  std::string path = nodes_[parent.index].path;
  if (!path.empty()) path += '/';
  path += name;
  Node node;
  const auto old = known.find(path);
  if (old != known.end() && old->second.id == found.st_ino) node = std::move(old->second);
  // A dead incarnation's descriptors go before its successor's come: a limit that is all but used up has room for one.
  else if (old != known.end()) known.erase(old);
  if (!node.dir) {
    node.dir.reset(openat(parent_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!node.dir && is_gone(errno)) return;
    if (!node.dir) counters_.io_errors[errno]++;
    // Made anew between the two calls: the descriptor says which one this is.
    if (node.dir && fstat(node.dir.get(), &found) != 0) return;
    if (found.st_ino != node.id) node.hot = {};
  }
  node.path = std::move(path);
  node.id = found.st_ino;
  add(std::move(node));

  // kernfs counts subdirectories in st_nlink (2 + n), so a leaf, which most cgroups are, need not be listed.
  const bool leaf = !options_.any_filesystem && found.st_nlink == 2;
  if (!leaf) pending.push_back({.index = nodes_.size() - 1, .depth = parent.depth + 1});
}

void CgroupTree::add(Node node) {
  if (node.dir) node.invocation = read_invocation(node.dir.get());
  keep_within_budget(node);
  nodes_.push_back(std::move(node));
}

void CgroupTree::keep_within_budget(Node& node) noexcept {
  if (node.dir && !budget_.take_directory()) node.dir.reset();
  for (UniqueFd& file : node.hot) {
    if (file && !budget_.take_file()) file.reset();
  }
}

std::size_t CgroupTree::bytes() const noexcept {
  std::size_t total = nodes_.capacity() * sizeof(Node);
  for (const Node& node : nodes_) total += node.path.capacity();
  return total;
}

}  // namespace unitscope::cgroup
