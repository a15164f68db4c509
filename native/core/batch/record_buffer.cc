#include "core/batch/record_buffer.h"

#include <cstring>

#include "core/batch/layout.h"

namespace unitscope {

void RecordBuffer::take(Bytes record, bool) {
  const std::size_t at = bytes_.size();
  bytes_.insert(bytes_.end(), record.begin(), record.end());
  sequence_++;
  std::memcpy(bytes_.data() + at + offsetof(RecordHeader, sequence), &sequence_, sizeof sequence_);
}

std::size_t RecordBuffer::drain_into(std::span<std::uint8_t> out) noexcept {
  std::size_t written = 0;
  while (drained_ + written < bytes_.size()) {
    std::uint32_t size;
    std::memcpy(&size, bytes_.data() + drained_ + written, sizeof size);
    if (size > out.size() - written) break;
    written += size;
  }
  // An empty vector has no address, and memcpy() may not be given none, not even for no bytes.
  if (written > 0) std::memcpy(out.data(), bytes_.data() + drained_, written);
  drained_ += written;
  if (drained_ == bytes_.size()) {
    bytes_.clear();
    drained_ = 0;
  }
  return written;
}

}  // namespace unitscope
