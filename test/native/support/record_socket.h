#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <string_view>
#include <utility>

#include "os/unique_fd.h"

namespace unitscope::test {

/// Stands in for /dev/kmsg: what is written at once is read at once.
class RecordSocket {
 public:
  RecordSocket() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return;
    reader_.reset(ends[0]);
    writer_.reset(ends[1]);
  }
  /// The end to read from, once.
  [[nodiscard]] UniqueFd take_reader() { return std::move(reader_); }
  void write(std::string_view record) const { static_cast<void>(::write(writer_.get(), record.data(), record.size())); }
  void end() { writer_.reset(); }

 private:
  UniqueFd reader_, writer_;
};

}  // namespace unitscope::test
