#include "os/cgroup_node.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace unitscope::cgroup {
namespace {

/// Left to the rest of the process (sockets, queue files, databases), or half of a small limit.
constexpr std::size_t kReservedFds = 1024;

}  // namespace

void FdBudget::refresh() noexcept {
  rlimit allowed{};
  const bool known = getrlimit(RLIMIT_NOFILE, &allowed) == 0 && allowed.rlim_cur != RLIM_INFINITY;
  const std::size_t soft = known ? allowed.rlim_cur : std::size_t{1} << 20;
  limit_ = soft - std::min(soft / 2, kReservedFds);
}

bool FdBudget::take_directory() noexcept {
  if (used() >= limit_) return false;
  directories_++;
  return true;
}

bool FdBudget::take_file() noexcept {
  if (used() >= limit_ || files_ >= max_files_) return false;
  files_++;
  return true;
}

void FdBudget::close(UniqueFd& file) noexcept {
  if (!file) return;
  file.reset();
  files_--;
}

void FdBudget::close(Node& node) noexcept {
  for (UniqueFd& file : node.files) close(file);
  if (!node.dir) return;
  node.dir.reset();
  directories_--;
}

bool is_gone(int error) noexcept { return error == ENOENT || error == ENODEV || error == ENOTDIR; }

Directory open_directory(int root, const Node& node) noexcept {
  if (node.dir) return {.fd = node.dir.get()};
  const char* const path = node.path.empty() ? "." : node.path.c_str();
  UniqueFd dir(openat(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat found {};
  if (!dir || fstat(dir.get(), &found) != 0) return {.error = errno};
  if (found.st_ino != node.id) return {.error = ENOENT};
  const int fd = dir.get();
  return {.fd = fd, .temporary = std::move(dir)};
}

}  // namespace unitscope::cgroup
