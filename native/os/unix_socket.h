#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/dbus/address.h"
#include "os/unique_fd.h"
#include "os/wakeup.h"

namespace unitscope {

/// Why a socket operation ended without success.
struct SocketFailure {
  enum class Kind : std::uint8_t { kErrno, kTimeout, kStopped };
  Kind kind;
  int error = 0;  // errno(3), with kErrno
};

/// Connects a stream socket, non-blocking and close-on-exec. Gives up at the monotonic time `until_ns` or when `stop`
/// is raised.
[[nodiscard]] Result<UniqueFd, SocketFailure> connect_unix(const dbus::UnixAddress& address, const Wakeup& stop,
                                                           std::uint64_t until_ns) noexcept;

/// Writes all bytes, waiting for room as connect_unix does.
[[nodiscard]] Result<void, SocketFailure> send_all(int fd, Bytes bytes, const Wakeup& stop,
                                                   std::uint64_t until_ns) noexcept;

struct Received {
  enum class Kind : std::uint8_t {
    kBytes,
    /// Nothing there now.
    kEmpty,
    /// The peer closed.
    kEnd,
    /// The peer passed file descriptors, which was never agreed; they are closed again.
    kDescriptors,
    kErrno,
  };
  Kind kind;
  std::size_t size = 0;
  int error = 0;
};

/// Reads what there is, without waiting.
[[nodiscard]] Received receive(int fd, std::span<std::uint8_t> out) noexcept;

}  // namespace unitscope
