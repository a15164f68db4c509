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

std::size_t depth_of(std::string_view path) noexcept {
  return path.empty() ? 0 : static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')) + 1;
}

std::string join(std::string_view parent, const char* name) {
  std::string path(parent);
  if (!path.empty()) path += '/';
  return path += name;
}

/// Ended cgroups of which the consumer never heard, kept until it asks: as many as a unit that restarts every 100 ms leaves
/// in seven minutes.
constexpr std::size_t kMaxUnheardEnds = 4096;

/// PID 1 writes the ID of the current run to both attributes (systemd 250 and later; older ones to trusted.* only). Reading
/// trusted.* needs CAP_SYS_ADMIN; user.* can be written by a service to which its cgroup is delegated.
InvocationId invocation_of(int dir) noexcept {
  InvocationId id{};
  for (const char* const name : {"trusted.invocation_id", "user.invocation_id"}) {
    std::array<char, 33> text;  // one more than an ID: a longer value is none
    if (fgetxattr(dir, name, text.data(), text.size()) != 32) continue;
    if (!std::all_of(text.begin(), text.begin() + 32, is_lower_hex)) continue;
    std::copy_n(text.begin(), id.size(), id.begin());
    break;
  }
  return id;
}

/// The cgroup above, as long as it may be in the same service: services and scopes are in slices, and slices in no service.
bool go_up(std::string& path) noexcept {
  const std::size_t end = path.rfind('/');
  if (end == std::string::npos) return false;
  path.resize(end);
  return !is_slice(path);
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

void CgroupTree::walk(std::uint64_t now_ns) {
  const bool surprising = walk_ > 0 && whole();
  const std::uint64_t first_new = next_key_;
  counters_.walks++;
  walk_++;
  skipped_ = 0;
  incomplete_ = false;
  newer_than_ns_ = sure_ns_;
  if (!root_is_there()) {
    while (!nodes_.empty()) end(nodes_.begin());
    return;
  }
  add_root();
  list_pending();
  if (surprising) counters_.missed += next_key_ - first_new;
  for (auto at = nodes_.begin(); at != nodes_.end();) {
    const auto next = std::next(at);
    if (at->second->walk != walk_) end(at);
    at = next;
  }
  if (skipped_ > 0) sure_ns_ = 0;
  else if (!incomplete_) sure_ns_ = now_ns;
}

void CgroupTree::add_root() {
  if (const auto old = nodes_.find(""); old != nodes_.end()) {
    old->second->walk = walk_;
    pending_.push_back(old->second.get());
    return;
  }
  struct stat found {};
  UniqueFd dir(openat(root_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fstat(root_.get(), &found) == 0) add("", std::move(dir), found.st_ino, 0);
}

void CgroupTree::list_pending() {
  while (!pending_.empty()) {
    Node* const next = pending_.back();
    pending_.pop_back();
    const int error = list(*next);
    if (error != 0 && !is_gone(error)) unseen(next->path, error);
  }
}

void CgroupTree::unseen(const std::string& path, int error) {
  counters_.io_errors[error]++;
  incomplete_ = true;
  const std::string below = path.empty() ? path : path + '/';
  if (const auto at = nodes_.find(path); at != nodes_.end()) at->second->walk = walk_;
  for (auto at = nodes_.lower_bound(below); at != nodes_.end() && at->first.starts_with(below); ++at) at->second->walk = walk_;
}

int CgroupTree::list(Node& parent) {
  const Directory dir = open_directory(root_.get(), parent);
  if (dir.fd < 0) return dir.error;
  if (parent.watch < 0) {
    watch_->forget(parent);
    watch_->follow(parent, dir.fd);
    watch_->follow_memory(parent, dir.fd);
  }
  const DirStream stream = open_stream(dir.fd);
  if (stream == nullptr) return errno;
  for (;;) {
    errno = 0;
    const dirent* const entry = readdir(stream.get());
    if (entry == nullptr) return errno;
    const std::string_view name = entry->d_name;
    const bool may_be_directory = entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN;
    if (!may_be_directory || name == "." || name == "..") continue;
    watch_->follow_controllers(parent, dir.fd);
    visit(dir.fd, parent, entry->d_name);
  }
}

bool CgroupTree::visit(int parent_dir, Node& parent, const char* name) {
  std::string path = join(parent.path, name);
  std::uint64_t newer_than_ns = newer_than_ns_;
  if (const auto old = nodes_.find(path); old != nodes_.end()) {
    Node& node = *old->second;
    struct stat found {};
    if (fstatat(parent_dir, name, &found, AT_SYMLINK_NOFOLLOW) != 0) {
      if (is_gone(errno)) end_below(path);
      else unseen(path, errno);
      return false;
    }
    if (node.id == found.st_ino) {
      node.walk = walk_;
      // Nobody tells when systemd begins a new run in it.
      if (parent.watch < 0) read_invocation(node);
      // kernfs counts subdirectories in st_nlink (2 + n), so a leaf, which most cgroups are, need not be listed but to
      // be followed at last.
      const bool unfollowed = node.watch < 0 && watch_->has_room();
      if (options_.any_filesystem || found.st_nlink > 2 || unfollowed) pending_.push_back(&node);
      return false;
    }
    // The new one's counters do not overlap the last numbers of the old one. The descriptors of the dead go before its
    // successor's come: a limit that is all but used up has room for one.
    const std::uint64_t last_ns = node.final != nullptr ? std::max(node.read_ns, node.final->monotonic_ns) : node.read_ns;
    if (newer_than_ns != 0) newer_than_ns = std::max(newer_than_ns, last_ns);
    end_below(path);
  }
  if (depth_of(path) > options_.max_depth || nodes_.size() >= options_.max_cgroups) {
    skipped_++;
    return false;
  }
  UniqueFd dir(openat(parent_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat found {};
  if (!dir) {
    if (is_gone(errno)) return true;
    counters_.io_errors[errno]++;
    if (fstatat(parent_dir, name, &found, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(found.st_mode)) return false;
  }
  add(std::move(path), std::move(dir), found.st_ino, newer_than_ns).absent = parent.absent_below.value_or(0);
  return false;
}

Node& CgroupTree::add(std::string path, UniqueFd dir, std::uint64_t id, std::uint64_t made_ns) {
  auto made = std::make_unique<Node>();
  Node& node = *made;
  node.path = std::move(path);
  node.key = next_key_++;
  node.id = id;
  node.made_ns = made_ns;
  node.walk = walk_;
  node.dir = std::move(dir);
  by_key_[node.key] = &node;
  taken_in_.push_back(node.key);
  nodes_.emplace(node.path, std::move(made));
  if (!node.dir) {
    watch_->refuse(node);
    pending_.push_back(&node);
    return node;
  }
  watch_->follow(node, node.dir.get());
  watch_->follow_memory(node, node.dir.get());
  read_invocation(node);
  struct stat found {};
  const bool leaf = fstat(node.dir.get(), &found) == 0 && found.st_nlink == 2 && !options_.any_filesystem;
  node.id = found.st_ino;
  if (!leaf) pending_.push_back(&node);
  if (!budget_.take_directory()) node.dir.reset();
  return node;
}

void CgroupTree::apply(const CgroupWatch::Change& change, std::uint64_t made_ns) {
  if (change.what == CgroupWatch::What::kControllers) return look_again_below(*change.node);
  if (change.what != CgroupWatch::What::kDirectory) return;
  Node& parent = *change.node;
  const auto at = nodes_.find(join(parent.path, change.name));
  Node* const known = at == nodes_.end() ? nullptr : at->second.get();
  if (!change.moved) {
    if (known != nullptr) read_invocation(*known);
    return;
  }
  std::uint64_t brief = change.brief;
  if (known == nullptr) {
    // One that waited is the first of those that are gone.
    if (newcomers_.forget(parent.key, change.name, budget_) && !change.made_first) brief++;
    if (!change.gone && look_at(parent, change.name, made_ns, true)) brief++;
  } else {
    const std::uint64_t key = known->key;
    look_at(parent, change.name, made_ns, false);
    // It was found by listing before its making was told, and is told of as any other.
    if (brief > 0 && change.made_first && find(key) == nullptr) brief--;
  }
  counters_.ends_brief += brief;
  for (; brief > 0; brief--) depart(parent, change.name);
}

bool CgroupTree::look_at(Node& parent, const char* name, std::uint64_t made_ns, bool may_wait) {
  const Directory dir = open_directory(root_.get(), parent);
  if (dir.fd < 0) {
    if (!is_gone(dir.error)) unseen(parent.path, dir.error);
    return is_gone(dir.error);
  }
  if (may_wait && newcomers_.wait(dir.fd, parent.key, name, made_ns, budget_)) return false;
  newer_than_ns_ = made_ns;
  watch_->follow_controllers(parent, dir.fd);
  const bool gone = visit(dir.fd, parent, name);
  list_pending();
  return gone;
}

void CgroupTree::admit(std::uint64_t now_ns) {
  for (const Newcomer& one : newcomers_.take(now_ns, budget_)) {
    Node* const parent = find(one.parent);
    if (parent != nullptr && !one.gone && !look_at(*parent, one.name.c_str(), one.made_ns, false)) continue;
    counters_.ends_brief++;
    if (parent != nullptr) depart(*parent, one.name);
  }
}

void CgroupTree::look_again_below(Node& parent) noexcept {
  parent.absent_below.reset();
  // A neighbour of a longer name, or a grandchild, is looked at once more for nothing.
  for (auto at = nodes_.upper_bound(parent.path); at != nodes_.end() && at->first.starts_with(parent.path); ++at) {
    at->second->absent = 0;
    if (const Directory dir = open_directory(root_.get(), *at->second); dir.fd >= 0) watch_->follow_memory(*at->second, dir.fd);
  }
}

void CgroupTree::learn_absent(Node& node) noexcept {
  node.learned = true;
  if (node.path.empty()) return;
  const auto parent = nodes_.find(parent_of(node.path));
  if (parent != nodes_.end()) parent->second->absent_below = parent->second->absent_below.value_or(node.absent) & node.absent;
}

void CgroupTree::read_invocation(Node& node) noexcept {
  const Directory dir = open_directory(root_.get(), node);
  if (dir.fd < 0) return;
  const InvocationId id = invocation_of(dir.fd);
  if (id == node.invocation) return;
  node.invocation = id;
  node.told = false;
}

Node* CgroupTree::find(std::uint64_t key) noexcept {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : found->second;
}

InvocationId CgroupTree::invocation_at(Node& node) noexcept {
  if (node.invocation[0] == '\0') read_invocation(node);
  InvocationId found = node.invocation;
  for (std::string path = node.path; found[0] == '\0' && go_up(path);) {
    if (const auto at = nodes_.find(path); at != nodes_.end()) found = at->second->invocation;
  }
  return found;
}

void CgroupTree::identify(const std::string& path, std::uint64_t& id, InvocationId& invocation) const noexcept {
  struct stat found {};
  std::string at = path;
  do {
    const UniqueFd dir(openat(root_.get(), at.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!dir || fstat(dir.get(), &found) != 0) return;
    if (at.size() == path.size()) id = found.st_ino;
    invocation = invocation_of(dir.get());
  } while (invocation[0] == '\0' && go_up(at));
}

void CgroupTree::ignore(Node& node) noexcept {
  node.ignored = true;
  node.final.reset();
  // When somebody comes into it again nobody will tell.
  node.oom_final = false;
  watch_->forget_events(node);
  budget_.close(node);
}

void CgroupTree::end(Nodes::iterator at) {
  std::unique_ptr<Node> node = std::move(at->second);
  nodes_.erase(at);
  by_key_.erase(node->key);
  std::erase(pending_, node.get());
  depart(*node);
  watch_->forget(*node);
  budget_.close(*node);
  const bool known = node->introduced || node->final != nullptr;
  const bool kept = node->introduced || (known && ended_.size() < kMaxUnheardEnds);
  if (!node->ignored) {
    if (!kept) counters_.ends_lost++;
    else if (node->final != nullptr || node->final_told) counters_.ends_read++;
    else counters_.ends_unread++;
  }
  if (!kept) return;
  ended_.push_back(std::move(node));
}

void CgroupTree::end_below(std::string_view path) {
  const std::string below = std::string(path) + '/';
  for (auto at = nodes_.lower_bound(below); at != nodes_.end() && at->first.starts_with(below);) {
    const auto next = std::next(at);
    end(at);
    at = next;
  }
  if (const auto at = nodes_.find(path); at != nodes_.end()) end(at);
}

void CgroupTree::keep_within_budget() noexcept {
  budget_.refresh();
  for (auto at = nodes_.rbegin(); at != nodes_.rend() && budget_.exceeded(); ++at) budget_.close(*at->second);
}

std::size_t CgroupTree::bytes() const noexcept {
  // A tree node, a hash node and two watches beside the node itself.
  constexpr std::size_t kAround = 160;
  std::size_t total = newcomers_.bytes();
  for (const auto& [path, node] : nodes_) total += sizeof(Node) + kAround + node->path.capacity();
  for (const auto& node : ended_) {
    total += sizeof(Node) + node->path.capacity() + (node->final != nullptr ? sizeof(Reading) : 0);
  }
  return total;
}

}  // namespace unitscope::cgroup
