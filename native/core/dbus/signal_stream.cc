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
    counters_.buffered.set(framer_.capacity());
    if (!next.value()) return {};
    counters_.messages.add();
    const auto taken = take(*next.value(), times, sink, replies);
    if (taken) continue;
    if (!is_limit(taken.error().reason)) return end(taken.error());
    count(taken.error().reason);
  }
}

Result<void, Rejection> SignalStream::take(const Framer::Whole& whole, const RecordTimes& times, RecordSink& sink,
                                           ReplySink* replies) {
  if (whole.too_large()) return fail(Rejection{Reason::kMessageSize, 4});
  const auto message = headers_.read(whole.frame, whole.bytes);
  if (!message) return fail(message.error());
  if (auto decoded = decoder_.decode(message.value(), times, sink); !decoded) return decoded;
  const bool reply = message.value().is(MessageType::kMethodReturn) || message.value().is(MessageType::kError);
  if (!reply || replies == nullptr) return {};
  if (auto checked = check_body(message.value()); !checked) return checked;
  replies->reply(message.value());
  return {};
}

Result<void, Rejection> SignalStream::end(const Rejection& rejection) {
  count(rejection.reason);
  ended_ = rejection;
  return fail(rejection);
}

}  // namespace unitscope::dbus
