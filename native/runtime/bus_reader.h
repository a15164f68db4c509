#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <span>

#include "core/batch/symbol_table.h"
#include "core/dbus/source_counters.h"
#include "core/ring/ring.h"
#include "os/wakeup.h"
#include "runtime/capture.h"
#include "runtime/doorbell.h"
#include "runtime/options.h"

namespace unitscope {

/// Owns the reader thread of one connection and what it shares.
///
/// start(), stop() and drain_into() belong to the owner's thread (JavaScript's); the accessors say who may use what they
/// give. The doorbell is rung from the reader thread, and must outlive stop().
class BusReader {
 public:
  /// One read's worth, held by the thread: 200 of systemd's messages; the socket itself holds about 92.
  static constexpr std::size_t kBufferBytes = 256u * 1024;

  BusReader(ReaderOptions options, Doorbell& doorbell);
  ~BusReader() { stop(); }
  BusReader(const BusReader&) = delete;
  BusReader& operator=(const BusReader&) = delete;

  /// Starts the thread; a second start, or one after stop(), does nothing. Failures arrive as a `disconnected` record.
  void start();

  /// Ends the thread wherever it is and waits for it (microseconds: every wait of it listens for this). Safe twice and
  /// without start(). What is queued can still be drained. No doorbell afterwards.
  void stop();

  [[nodiscard]] std::size_t drain_into(std::span<std::uint8_t> out) { return ring_.drain_into(out); }
  /// The next signal of each unit is passed on. Any thread.
  void forget() noexcept { forget_.store(true, std::memory_order_relaxed); }

  [[nodiscard]] const SymbolTable& symbols() const noexcept { return symbols_; }
  [[nodiscard]] const dbus::SourceCounters& counters() const noexcept { return counters_; }
  [[nodiscard]] const Ring& ring() const noexcept { return ring_; }
  [[nodiscard]] Capture& capture() noexcept { return capture_; }

 private:
  enum class State : std::uint8_t { kIdle, kRunning, kStopped };

  static void* thread_main(void* self);
  void run();
  void fail_with(const char* reason);

  const ReaderOptions options_;
  Doorbell& doorbell_;
  Wakeup wakeup_;
  Ring ring_;
  SymbolTable symbols_;
  dbus::SourceCounters counters_;
  Capture capture_;
  std::atomic<bool> forget_{false};
  State state_ = State::kIdle;
  pthread_t thread_{};
};

}  // namespace unitscope
