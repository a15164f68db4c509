#include "os/pressure_trigger.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace unitscope::cgroup {

Result<UniqueFd, int> open_pressure_trigger(int dir, const char* file, const std::string& trigger) noexcept {
  UniqueFd fd(openat(dir, file, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return fail(errno);
  // With its NUL: the kernel overwrites the last byte it is given.
  if (::write(fd.get(), trigger.c_str(), trigger.size() + 1) < 0) return fail(errno);
  return fd;
}

}  // namespace unitscope::cgroup
