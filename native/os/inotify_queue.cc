#include "os/inotify_queue.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace unitscope {

int InotifyQueue::add(int dir, const char* name, std::uint32_t mask) noexcept {
  std::array<char, 64> path;
  std::snprintf(path.data(), path.size(), "/proc/self/fd/%d/%s", dir, name);
  return inotify_add_watch(inotify_.get(), path.data(), mask);
}

void InotifyQueue::begin() noexcept {
  int bytes = 0;
  queued_ = inotify_ && ioctl(inotify_.get(), FIONREAD, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

bool InotifyQueue::fill() noexcept {
  at_ = size_ = 0;
  if (queued_ == 0) return false;
  ssize_t size;
  do size = ::read(inotify_.get(), buffer_.data(), std::min(queued_, buffer_.size()));
  while (size < 0 && errno == EINTR);
  size_ = size > 0 ? static_cast<std::size_t>(size) : 0;
  queued_ = size_ == 0 ? 0 : queued_ - size_;
  return size_ > 0;
}

const inotify_event* InotifyQueue::next() noexcept {
  if (at_ == size_) return nullptr;
  const auto* const told = reinterpret_cast<const inotify_event*>(buffer_.data() + at_);
  at_ += sizeof(inotify_event) + told->len;
  return told;
}

}  // namespace unitscope
