#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/counter.h"
#include "core/batch/record_writer.h"

namespace unitscope {

/// What a full ring does with the next record.
enum class Overflow : std::uint8_t {
  /// Takes it; the oldest goes. The newest state of a unit is worth most.
  kDropOldest,
  /// Refuses it; what was seen first stays.
  kDropNewest,
  /// Waits for room. The bus then queues for us and PID 1 may feel it: for tests and recordings, not for hosts.
  kBlock,
};

/// What became of a pushed record.
enum class Pushed : std::uint8_t {
  kQueued,
  /// It went in, and the consumer is behind: the ring is as full as RingOptions says. Time to wake it.
  kBehind,
  kDropped,
};

struct RingOptions {
  /// 1 to Ring::kMaxRecords.
  std::size_t max_records = 10'000;
  Overflow overflow = Overflow::kDropOldest;
  /// Percent of its records or bytes, 1 to 100, from which on the consumer is behind. It is no longer once half of that is left.
  unsigned behind_percent = 80;
};

/// Records between one producer and one consumer thread, bounded by number and by bytes.
///
///     bytes_ [ ..free.. | record | record | record | ..free.. | skip ]      a record never wraps: a size of 0 (or less
///                         ^head_                     ^tail_                 than 4 bytes left) sends the reader to 0
///
/// A mutex, held for one copy of about 200 bytes: 8-11 million operations a second were measured for such a ring, 53
/// million for a lock-free one; systemd's bursts are 15,000 a second, so both are noise and the simple one can evict.
/// The consumer copies while it holds the lock, 64 KiB a call at most (about 10 us); only that can delay the producer.
///
/// Every push takes a sequence number, dropped or not. Where the consumer meets a gap it is given a `lost` record with
/// the count, so the loss stands at its place in the order.
class Ring {
 public:
  /// A unit_changed record with a long name takes about 200 bytes.
  static constexpr std::size_t kBytesPerRecord = 256;
  static constexpr std::size_t kMaxRecords = 1'000'000;

  explicit Ring(const RingOptions& options);

  /// Producer thread. Waits only with kBlock, and then until there is room or close(). A producer that wakes the
  /// consumer at kBehind never waits for a consumer that sleeps: it is also told where the next record might not fit.
  Pushed push(Bytes record);

  /// Producer thread: a last record, kept aside so that it is never dropped; given out after all others.
  void push_last(Bytes record);

  /// Consumer thread: moves whole records, oldest first, into `out`; returns the bytes written, 0 when there are none.
  /// `out` must hold kMaxRecordBytes. Never waits for the producer. Works after close() too.
  [[nodiscard]] std::size_t drain_into(std::span<std::uint8_t> out);

  /// Any thread. A waiting push gives up, and none waits again; what is queued can still be drained.
  void close();

  /// Any thread.
  [[nodiscard]] std::uint64_t pushed() const noexcept { return pushed_.read(); }
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.read(); }
  /// Records in it now.
  [[nodiscard]] std::size_t queued() const noexcept { return static_cast<std::size_t>(queued_.read()); }
  /// How often the consumer fell behind.
  [[nodiscard]] std::uint64_t behinds() const noexcept { return behinds_.read(); }
  [[nodiscard]] std::size_t capacity_bytes() const noexcept { return size_; }

 private:
  bool has_room(std::size_t size) const noexcept;
  void evict_oldest() noexcept;
  void append(Bytes record) noexcept;
  std::size_t used_bytes() const noexcept;
  /// Whether `percent` of the records or of the bytes are in use.
  bool filled(unsigned percent) const noexcept;
  /// Where the oldest record lies, the skip at the end of the bytes passed.
  std::size_t head_position() const noexcept;

  const std::size_t max_records_;
  const Overflow overflow_;
  const unsigned behind_percent_;
  const std::size_t size_;
  const std::unique_ptr<std::uint8_t[]> bytes_;

  std::mutex mutex_;
  std::condition_variable room_;
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
  std::size_t records_ = 0;
  std::uint64_t next_sequence_ = 1;
  std::uint64_t expected_ = 1;  // by the consumer
  RecordTimes lost_times_;      // of the newest dropped record
  std::vector<std::uint8_t> last_;
  bool closed_ = false;
  bool behind_ = false;

  Counter pushed_;
  Counter dropped_;
  Counter queued_;  // records_, written under the lock by either thread
  Counter behinds_;
};

}  // namespace unitscope
