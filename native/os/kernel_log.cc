#include "os/kernel_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace unitscope {

KernelLog KernelLog::open() noexcept {
  KernelLog log(UniqueFd(::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)));
  if (!log.fd_) log.error_ = errno;
  else if (lseek(log.fd_.get(), 0, SEEK_END) < 0) {
    log.error_ = errno;
    log.fd_.reset();
  }
  return log;
}

bool KernelLog::next(std::string_view& record) noexcept {
  while (fd_) {
    const ssize_t size = read(fd_.get(), buffer_.data(), buffer_.size());
    if (size > 0) {
      record = {buffer_.data(), static_cast<std::size_t>(size)};
      return true;
    }
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EPIPE) {
      overruns_++;  // the next read goes on with the oldest that is left
      continue;
    }
    if (size == 0 || errno != EAGAIN) fd_.reset();
    return false;
  }
  return false;
}

}  // namespace unitscope
