#include "core/dbus/signal_stream.h"

namespace unitscope::dbus {

Result<void, Rejection> SignalStream::feed(Bytes bytes, const RecordTimes& times, RecordSink& sink,
                                           ReplySink* replies) {
  if (ended_) return fail(*ended_);
  counters_.bytes.add(bytes.size());
  framer_.feed(bytes);
  while (true) {
    const auto next = framer_.next();
    if (!next) return end(next.error());
    if (!next.value()) return {};
    counters_.messages.add();
    if (const auto taken = take(*next.value(), times, sink, replies); !taken) return end(taken.error());
  }
}

Result<void, Rejection> SignalStream::take(const Framer::Whole& whole, const RecordTimes& times, RecordSink& sink,
                                           ReplySink* replies) {
  const auto message = parse_header(whole.frame, whole.bytes);
  if (!message) return fail(message.error());
  if (auto decoded = decoder_.decode(message.value(), times, sink); !decoded) return decoded;
  const bool reply = message.value().is(MessageType::kMethodReturn) || message.value().is(MessageType::kError);
  if (reply && replies != nullptr) replies->reply(message.value());
  return {};
}

Result<void, Rejection> SignalStream::end(const Rejection& rejection) {
  counters_.rejected[static_cast<std::size_t>(rejection.reason)].add();
  ended_ = rejection;
  return fail(rejection);
}

}  // namespace unitscope::dbus
