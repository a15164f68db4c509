#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "os/unique_fd.h"

namespace unitscope {

/// The kernel's log (/dev/kmsg) from now on. One thread at a time.
class KernelLog {
 public:
  KernelLog() noexcept = default;
  /// \param fd  gives one record for each read(2), and EAGAIN when there is none; tests bring a socket
  explicit KernelLog(UniqueFd fd) noexcept : fd_(std::move(fd)) {}
  /// Nothing of what was logged before is given. Without permission (CAP_SYSLOG, where kernel.dmesg_restrict is 1) or device
  /// error() says why, and fd() is -1.
  [[nodiscard]] static KernelLog open() noexcept;

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// errno of open(2); 0 when it is open.
  [[nodiscard]] int error() const noexcept { return error_; }
  /// The next record, valid until the next call; false when there is none, or the log ended.
  [[nodiscard]] bool next(std::string_view& record) noexcept;
  /// How often the kernel had overwritten records before they were read.
  [[nodiscard]] std::uint64_t overruns() const noexcept { return overruns_; }

 private:
  /// CONSOLE_EXT_LOG_MAX (kernel/printk): a shorter one would be refused a long record for ever (EINVAL).
  static constexpr std::size_t kMaxRecord = 8192;

  UniqueFd fd_;
  int error_ = 0;
  std::uint64_t overruns_ = 0;
  std::array<char, kMaxRecord> buffer_;
};

}  // namespace unitscope
