#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/base/rate.h"

namespace unitscope {

/// When the records that were queued are announced, all at once; whichever comes first.
struct BatchLimits {
  std::size_t max_records = 1000;
  /// The longest that a record waits for others, from when its bytes may have arrived. 0: none waits.
  std::uint64_t timeout_ns = 4'000'000;
};

/// Gathers announcements: a wake-up of the consumer costs tens of microseconds, a record less than one.
///
/// A record waits only while others are expected: the first after a pause never does, nor does any of a slow stream. One
/// that is urgent takes all before it along at once. "At once" is the end of the read that brought it.
class BatchWindow {
 public:
  /// What the consumer takes in one turn (kMaxDrains of src/binding/record-drain.ts): more would only make it late.
  static constexpr std::size_t kMaxBytes = 256u * 1024;

  explicit BatchWindow(const BatchLimits& limits) noexcept : limits_(limits) {}

  /// A record was queued. True when the batch is full: announce it now.
  /// \param since_ns  monotonic: the earliest time its bytes may have arrived
  [[nodiscard]] bool add(std::size_t bytes, bool urgent, std::uint64_t since_ns) noexcept;

  /// After each read, with the messages it brought (not all become records) and the monotonic time.
  void after_read(std::size_t messages, std::uint64_t now_ns) noexcept;

  /// When to announce; nothing when there is nothing. May be past.
  [[nodiscard]] std::optional<std::uint64_t> deadline() const noexcept;

  void announced() noexcept;

 private:
  const BatchLimits limits_;
  Rate rate_;
  std::uint64_t wait_ns_ = 0;  // 0: nobody waits
  std::size_t records_ = 0;
  std::size_t bytes_ = 0;
  bool urgent_ = false;
  std::uint64_t oldest_ns_ = 0;
};

}  // namespace unitscope
