#include "core/ring/ring.h"

#include <algorithm>
#include <cstring>

#include "core/batch/layout.h"

namespace unitscope {
namespace {

RecordHeader header_at(const std::uint8_t* at) noexcept {
  RecordHeader header;
  std::memcpy(&header, at, sizeof header);
  return header;
}

}  // namespace

Ring::Ring(const RingOptions& options)
    : max_records_(std::clamp<std::size_t>(options.max_records, 1, kMaxRecords)),
      overflow_(options.overflow),
      behind_percent_(options.behind_percent),
      // One record of the largest size and a skip must always fit.
      size_(std::max(max_records_ * kBytesPerRecord, 2 * kMaxRecordBytes + sizeof(std::uint32_t))),
      // Not zeroed: pages are touched as records come, so an idle ring costs address space only.
      bytes_(std::make_unique_for_overwrite<std::uint8_t[]>(size_)) {}

bool Ring::has_room(std::size_t size) const noexcept {
  if (records_ == max_records_) return false;
  if (records_ == 0) return true;
  if (tail_ > head_) return size <= size_ - tail_ || size <= head_;
  return size <= head_ - tail_;
}

std::size_t Ring::used_bytes() const noexcept {
  return tail_ > head_ ? tail_ - head_ : records_ == 0 ? 0 : size_ - head_ + tail_;
}

bool Ring::filled(unsigned percent) const noexcept {
  return records_ * 100 >= max_records_ * percent || used_bytes() * 100 >= size_ * percent;
}

std::size_t Ring::head_position() const noexcept {
  if (size_ - head_ < sizeof(std::uint32_t)) return 0;
  std::uint32_t size;
  std::memcpy(&size, bytes_.get() + head_, sizeof size);
  return size == 0 ? 0 : head_;
}

void Ring::evict_oldest() noexcept {
  const std::size_t at = head_position();
  const RecordHeader header = header_at(bytes_.get() + at);
  lost_times_ = {header.realtime_ns, header.boottime_ns};
  head_ = at + header.size;
  records_--;
  dropped_.add();
}

void Ring::append(Bytes record) noexcept {
  if (records_ == 0) head_ = tail_ = 0;  // a ring that keeps up touches its first pages only
  if (tail_ >= head_ && record.size() > size_ - tail_) {
    const std::uint32_t skip = 0;
    if (size_ - tail_ >= sizeof skip) std::memcpy(bytes_.get() + tail_, &skip, sizeof skip);
    tail_ = 0;
  }
  std::uint8_t* const at = bytes_.get() + tail_;
  std::memcpy(at, record.data(), record.size());
  std::memcpy(at + offsetof(RecordHeader, sequence), &next_sequence_, sizeof next_sequence_);
  tail_ += record.size();
  records_++;
}

Pushed Ring::push(Bytes record) {
  std::unique_lock lock(mutex_);
  if (overflow_ == Overflow::kBlock) room_.wait(lock, [&] { return closed_ || has_room(record.size()); });
  while (overflow_ == Overflow::kDropOldest && !has_room(record.size())) evict_oldest();
  const bool fits = has_room(record.size());
  if (fits) {
    append(record);
  } else {
    const RecordHeader header = header_at(record.data());
    lost_times_ = {header.realtime_ns, header.boottime_ns};
    dropped_.add();
  }
  next_sequence_++;
  pushed_.add();
  queued_.set(records_);
  const bool behind = filled(behind_percent_);
  if (behind && !behind_) behinds_.add();
  behind_ = behind_ || behind;
  if (!fits) return Pushed::kDropped;
  return behind || !has_room(kMaxRecordBytes) ? Pushed::kBehind : Pushed::kQueued;
}

void Ring::push_last(Bytes record) {
  const std::lock_guard lock(mutex_);
  last_.assign(record.begin(), record.end());
}

std::size_t Ring::drain_into(std::span<std::uint8_t> out) {
  const std::lock_guard lock(mutex_);
  std::size_t written = 0;
  const auto put = [&](Bytes record) {
    std::memcpy(out.data() + written, record.data(), record.size());
    written += record.size();
  };
  // Gives out what is missing before `next`; false when it does not fit.
  const auto put_lost = [&](std::uint64_t next) {
    if (next == expected_) return true;
    if (out.size() - written < kHeaderBytes) return false;
    const std::uint64_t count = std::min<std::uint64_t>(next - expected_, UINT32_MAX);
    RecordWriter writer;
    put(writer.write(RecordKind::kLost, lost_times_, {.value = static_cast<std::uint32_t>(count)}));
    expected_ = next;
    const std::uint64_t sequence = next - 1;
    std::memcpy(out.data() + written - kHeaderBytes + offsetof(RecordHeader, sequence), &sequence, sizeof sequence);
    return true;
  };
  while (records_ > 0) {
    const std::size_t at = head_position();
    const RecordHeader header = header_at(bytes_.get() + at);
    if (!put_lost(header.sequence) || out.size() - written < header.size) break;
    put(Bytes(bytes_.get() + at, header.size));
    head_ = at + header.size;
    records_--;
    expected_ = header.sequence + 1;
  }
  if (records_ == 0 && put_lost(next_sequence_) && !last_.empty() && out.size() - written >= last_.size()) {
    std::memcpy(last_.data() + offsetof(RecordHeader, sequence), &next_sequence_, sizeof next_sequence_);
    put(last_);
    last_.clear();
    expected_ = ++next_sequence_;
    pushed_.add();
  }
  queued_.set(records_);
  behind_ = behind_ && filled((behind_percent_ + 1) / 2);
  if (written > 0) room_.notify_one();
  return written;
}

void Ring::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  room_.notify_all();
}

}  // namespace unitscope
