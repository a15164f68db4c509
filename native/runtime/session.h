#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/batch/batch_window.h"
#include "core/batch/read_window.h"
#include "core/dbus/signal_stream.h"
#include "core/ring/ring.h"
#include "os/wakeup.h"
#include "runtime/capture.h"
#include "runtime/doorbell.h"
#include "runtime/held_half.h"
#include "runtime/options.h"

namespace unitscope {

/// One connection's life on the reader's thread: connect, subscribe, pump until the end.
///
/// All of it runs on one thread. What other threads see (ring, counters, symbols, capture) is safe for them by itself.
class Session final : public RecordSink {
 public:
  struct Shared {
    const ReaderOptions& options;
    Ring& ring;
    SymbolTable& symbols;
    dbus::SourceCounters& counters;
    Capture& capture;
    Doorbell& doorbell;
    const Wakeup& stop;
    std::atomic<bool>& forget;
    std::size_t buffer_bytes;
  };

  explicit Session(const Shared& shared);

  /// Runs until the connection ends or `stop` is raised. The reason of the end, nothing after `stop`.
  [[nodiscard]] std::optional<std::string> run();

  void take(Bytes record, bool urgent) override;

 private:
  /// The reason for which the connection is over, nothing when all is well or `stop` was raised.
  using End = std::optional<std::string>;
  [[nodiscard]] End converse();
  [[nodiscard]] End subscribe(int fd);
  /// Signals flow (on a bus: every match rule was taken): says so, and from here on all is told.
  void connect();
  /// Lets a half state go that has waited too long for its other half, and rings if it is time.
  void settle(std::uint64_t now);
  /// Lets messages gather before the next read, if they come fast enough; false when `stop` was raised.
  [[nodiscard]] bool gather(std::size_t messages, std::uint64_t now);
  [[nodiscard]] End pump(int fd);
  /// Reads once and feeds the stream; `messages` is what it brought.
  [[nodiscard]] End read(int fd, dbus::ReplySink* replies, std::size_t& messages);
  [[nodiscard]] End feed(Bytes bytes, const RecordTimes& times, dbus::ReplySink* replies);
  void ring();
  /// Rings when what is not yet announced has waited long enough.
  void ring_if_due(std::uint64_t now);
  /// The next time at which the thread has something to do unasked.
  [[nodiscard]] std::optional<std::uint64_t> next_deadline() const;

  Shared shared_;
  dbus::SignalStream stream_;
  ReadWindow window_;
  BatchWindow batch_;
  std::vector<std::uint8_t> buffer_;
  bool connected_ = false;
  std::uint64_t gathering_since_ = 0;  // monotonic: what the next read brings may be as old as this, 0 when it is new
  std::uint64_t arrived_ = 0;          // the same of what was read
  HeldHalf half_;
};

}  // namespace unitscope
