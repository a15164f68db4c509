#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "core/base/bytes.h"
#include "core/batch/record_writer.h"

namespace unitscope {

/// Keeps the raw bytes of a connection until they are taken, up to a limit; past it the capture ends, since a stream
/// with a hole cannot be parsed again. One writer thread, one taking thread.
class Capture {
 public:
  struct Chunk {
    RecordTimes times;
    std::vector<std::uint8_t> bytes;
  };
  struct Taken {
    std::vector<Chunk> chunks;
    bool truncated = false;
  };

  /// \param max_bytes  held at once; 0 keeps nothing
  explicit Capture(std::size_t max_bytes) noexcept : max_bytes_(max_bytes) {}

  void add(Bytes bytes, const RecordTimes& times) {
    if (max_bytes_ == 0) return;
    const std::lock_guard lock(mutex_);
    truncated_ = truncated_ || held_ + bytes.size() > max_bytes_;
    if (truncated_) return;
    held_ += bytes.size();
    chunks_.push_back({times, {bytes.begin(), bytes.end()}});
  }

  [[nodiscard]] Taken take() {
    const std::lock_guard lock(mutex_);
    held_ = 0;
    Taken taken{.chunks = std::move(chunks_), .truncated = truncated_};
    chunks_.clear();
    return taken;
  }

  [[nodiscard]] std::size_t held_bytes() const {
    const std::lock_guard lock(mutex_);
    return held_;
  }

 private:
  const std::size_t max_bytes_;
  mutable std::mutex mutex_;
  std::vector<Chunk> chunks_;
  std::size_t held_ = 0;
  bool truncated_ = false;
};

}  // namespace unitscope
