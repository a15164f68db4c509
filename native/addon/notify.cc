#include "addon/notify.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>

#include "os/unique_fd.h"

namespace unitscope {
namespace {

/// What PID 1 reads of one message; it ignores longer ones (NOTIFY_BUFFER_MAX in systemd's service manager, PIPE_BUF).
constexpr std::size_t kMaxStateBytes = 4096;

/// PID 1's socket buffer is full only while PID 1 hangs: the event loop must not hang with it.
constexpr timeval kSendTimeout{.tv_sec = 0, .tv_usec = 500'000};

int send_state(const std::string& address, const std::string& state) noexcept {
  sockaddr_un target{};
  target.sun_family = AF_UNIX;
  const bool absolute = address.starts_with('/'), abstract = address.starts_with('@');
  if (!absolute && !abstract) return EAFNOSUPPORT;
  // A path needs its NUL; an abstract name is exactly as long as it is.
  if (address.size() < 2 || address.size() + (absolute ? 1 : 0) > sizeof target.sun_path) return EINVAL;
  if (state.empty() || state.size() > kMaxStateBytes) return EMSGSIZE;
  std::memcpy(target.sun_path, address.data(), address.size());
  if (abstract) target.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size() + (absolute ? 1 : 0));

  const UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return errno;
  if (setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendTimeout, sizeof kSendTimeout) != 0) return errno;
  const auto* const to = reinterpret_cast<const sockaddr*>(&target);
  ssize_t sent;
  do sent = sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL, to, length);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? errno : 0;
}

Napi::Value notify(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), send_state(info[0].As<Napi::String>(), info[1].As<Napi::String>()));
}

}  // namespace

void init_notify(Napi::Env env, Napi::Object exports) {
  exports.Set("notify", Napi::Function::New(env, notify, "notify"));
}

}  // namespace unitscope
