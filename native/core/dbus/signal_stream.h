#pragma once

#include <optional>

#include "core/dbus/framer.h"
#include "core/dbus/header_reader.h"
#include "core/dbus/signal_decoder.h"

namespace unitscope::dbus {

/// Takes the replies of calls this connection made.
class ReplySink {
 public:
  /// A method return or error; its body was checked.
  virtual void reply(const Message& message) = 0;

 protected:
  ~ReplySink() = default;
};

/// Bytes of one connection in, records out: framer and decoder in one, with the counters. One thread.
class SignalStream {
 public:
  SignalStream(UnitFilter filter, SymbolTable& symbols, SourceCounters& counters)
      : counters_(counters), decoder_(std::move(filter), symbols, counters) {}

  /// Takes the next bytes. A message over a limit of ours (is_limit()) is counted and left out. Any other bad message ends
  /// the stream: it answers the same rejection ever after.
  [[nodiscard]] Result<void, Rejection> feed(Bytes bytes, const RecordTimes& times, RecordSink& sink,
                                             ReplySink* replies = nullptr);

  [[nodiscard]] SignalDecoder& decoder() noexcept { return decoder_; }

 private:
  [[nodiscard]] Result<void, Rejection> take(const Framer::Whole& whole, const RecordTimes& times, RecordSink& sink,
                                             ReplySink* replies);
  void count(Reason reason) noexcept { counters_.rejected[static_cast<std::size_t>(reason)].add(); }
  [[nodiscard]] Result<void, Rejection> end(const Rejection& rejection);

  SourceCounters& counters_;
  SignalDecoder decoder_;
  Framer framer_;
  HeaderReader headers_;
  std::optional<Rejection> ended_;
};

}  // namespace unitscope::dbus
