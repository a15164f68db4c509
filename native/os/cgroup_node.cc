#include "os/cgroup_node.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace unitscope::cgroup {
namespace {

/// A kernfs descriptor that was read pins about 4.1 KiB of kernel memory: 4,096 of them are the 16 MiB this agent may
/// spend on it. All hot files of 800 cgroups.
constexpr std::size_t kMaxOpenFiles = 4096;

/// Left to the rest of the process (sockets, queue files, databases), or half of a small limit.
constexpr std::size_t kReservedFds = 1024;

}  // namespace

void FdBudget::restart() noexcept {
  rlimit allowed{};
  const bool known = getrlimit(RLIMIT_NOFILE, &allowed) == 0 && allowed.rlim_cur != RLIM_INFINITY;
  const std::size_t soft = known ? allowed.rlim_cur : std::size_t{1} << 20;
  limit_ = soft - std::min(soft / 2, kReservedFds);
  directories_ = 0;
  files_ = 0;
}

bool FdBudget::take_directory() noexcept {
  if (used() >= limit_) return false;
  directories_++;
  return true;
}

bool FdBudget::take_file() noexcept {
  if (used() >= limit_ || files_ >= kMaxOpenFiles) return false;
  files_++;
  return true;
}

bool is_gone(int error) noexcept { return error == ENOENT || error == ENODEV || error == ENOTDIR; }

Result<UniqueFd, int> open_by_path(int root, const Node& node) noexcept {
  const char* const path = node.path.empty() ? "." : node.path.c_str();
  UniqueFd dir(openat(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!dir) return fail(errno);
  struct stat found {};
  if (fstat(dir.get(), &found) != 0) return fail(errno);
  if (found.st_ino != node.id) return fail(ENOENT);
  return dir;
}

}  // namespace unitscope::cgroup
