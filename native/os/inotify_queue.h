#pragma once

#include <sys/inotify.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "os/unique_fd.h"

namespace unitscope {

/// An inotify(7) instance, and what it has told and nobody has taken yet. One thread at a time.
class InotifyQueue {
 public:
  InotifyQueue() noexcept : inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

  /// Readable when something happened; -1 when the kernel gave no instance (EMFILE, fs.inotify.max_user_instances).
  [[nodiscard]] int fd() const noexcept { return inotify_.get(); }
  void close() noexcept { inotify_.reset(); }

  /// Watches `name` in the open directory `dir`: by descriptor, so that it is this incarnation which is watched.
  ///
  /// \return  a number that is never used again, or -1 (errno)
  [[nodiscard]] int add(int dir, const char* name, std::uint32_t mask) noexcept;
  void remove(int watch) noexcept { inotify_rm_watch(inotify_.get(), watch); }

  /// What is queued now is what fill() gives; what happens from here on waits for the next call. Without this bound a user
  /// who owns a directory could keep the caller's loop going for ever, by changing its attributes.
  void begin() noexcept;
  /// Reads some of what is left; false when there is nothing. What next() gave before is overwritten.
  [[nodiscard]] bool fill() noexcept;
  /// The next event of those that fill() read; null after the last.
  [[nodiscard]] const inotify_event* next() noexcept;

  /// Some 300 events of systemd's names at once; inotify(7) wants room for one with the longest name, 272 bytes.
  static constexpr std::size_t kBufferBytes = 16384;

 private:
  UniqueFd inotify_;
  /// Bytes of events yet to be read from the kernel: at most fs.inotify.max_queued_events of them.
  std::size_t queued_ = 0;
  alignas(8) std::array<char, kBufferBytes> buffer_;
  std::size_t size_ = 0;
  std::size_t at_ = 0;
};

}  // namespace unitscope
