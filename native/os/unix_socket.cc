#include "os/unix_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "os/clock.h"

namespace unitscope {
namespace {

/// SCM_MAX_FD of the kernel: no message carries more.
constexpr std::size_t kMaxPassedFds = 253;
/// A listener whose backlog is full answers EAGAIN at once and wakes nobody: ask again.
constexpr std::uint64_t kBacklogRetryNs = 10'000'000;

Failure<SocketFailure> failed(int error) noexcept {
  return fail(SocketFailure{SocketFailure::Kind::kErrno, error});
}

Failure<SocketFailure> ended(Wakeup::Ready ready) noexcept {
  return fail(SocketFailure{ready == Wakeup::Ready::kRaised ? SocketFailure::Kind::kStopped
                                                            : SocketFailure::Kind::kTimeout});
}

/// Closes every descriptor that came along; true when there were any, or some did not fit.
bool close_passed(msghdr& message) noexcept {
  bool any = (message.msg_flags & MSG_CTRUNC) != 0;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    any = true;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; i++) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      UniqueFd closes(fd);
    }
  }
  return any;
}

}  // namespace

Result<UniqueFd, SocketFailure> connect_unix(const dbus::UnixAddress& address, const Wakeup& stop,
                                             std::uint64_t until_ns) noexcept {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  // An abstract name begins with NUL and has no end mark but its length (unix(7)).
  const std::size_t start = address.abstract ? 1 : 0;
  if (address.path.size() + 1 > sizeof name.sun_path) return failed(ENAMETOOLONG);
  std::memcpy(name.sun_path + start, address.path.data(), address.path.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + address.path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return failed(errno);
  while (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return failed(errno);
    const std::uint64_t retry = monotonic_ns() + kBacklogRetryNs;
    if (retry > until_ns) return ended(Wakeup::Ready::kTimeout);
    if (const auto ready = stop.wait(-1, 0, retry); ready == Wakeup::Ready::kRaised) return ended(ready);
  }
  return fd;
}

Result<void, SocketFailure> send_all(int fd, Bytes bytes, const Wakeup& stop, std::uint64_t until_ns) noexcept {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      const auto ready = stop.wait(fd, POLLOUT, until_ns);
      if (ready != Wakeup::Ready::kReady) return ended(ready);
    } else if (errno != EINTR) {
      return failed(errno);
    }
  }
  return {};
}

Received receive(int fd, std::span<std::uint8_t> out) noexcept {
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxPassedFds * sizeof(int))];
  iovec part{.iov_base = out.data(), .iov_len = out.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t size;
  do {
    size = ::recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0 && errno == EAGAIN) return {Received::Kind::kEmpty};
  if (size < 0) return {Received::Kind::kErrno, 0, errno};
  if (close_passed(message)) return {Received::Kind::kDescriptors};
  if (size == 0) return {Received::Kind::kEnd};
  return {Received::Kind::kBytes, static_cast<std::size_t>(size)};
}

}  // namespace unitscope
