#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/batch/record_writer.h"

namespace unitscope {

/// Collects records on one thread: a ring without a second thread and without a limit, for a caller that drains after
/// each chunk it feeds. Records of a chunk are at most about ten times its size (the smallest signal is 150 bytes).
class RecordBuffer final : public RecordSink {
 public:
  void take(Bytes record, bool urgent) override;

  /// Moves whole records, oldest first, into `out`; returns the bytes written.
  [[nodiscard]] std::size_t drain_into(std::span<std::uint8_t> out) noexcept;

  [[nodiscard]] std::uint64_t records() const noexcept { return sequence_; }
  [[nodiscard]] std::size_t capacity_bytes() const noexcept { return bytes_.capacity(); }

 private:
  std::vector<std::uint8_t> bytes_;
  std::size_t drained_ = 0;
  std::uint64_t sequence_ = 0;
};

}  // namespace unitscope
