#include "runtime/session.h"

#include <poll.h>

#include <algorithm>
#include <system_error>

#include "os/clock.h"
#include "os/unix_socket.h"
#include "runtime/handshake.h"

namespace unitscope {
namespace {

constexpr const char* kNoAnswer = "the bus did not answer the match rules within 5 s";

RecordTimes times_now() noexcept {
  const ClockPair now = read_clocks();
  return {.realtime_ns = now.realtime_ns, .boottime_ns = now.boottime_ns};
}

}  // namespace

Session::Session(const Shared& shared)
    : shared_(shared),
      stream_({shared.options.filter.include, shared.options.filter.exclude, shared.options.filter.unit_types,
               shared.options.filter.announced_types},
              shared.symbols, shared.counters),
      window_(shared.options.batch.timeout_ns),
      batch_(shared.options.batch),
      buffer_(shared.buffer_bytes) {}

std::optional<std::string> Session::run() {
  End end = converse();
  stream_.decoder().flush(*this);
  const bool stopped = shared_.stop.wait(-1, 0, 0) == Wakeup::Ready::kRaised;
  return stopped ? std::nullopt : end;
}

Session::End Session::converse() {
  const auto bus = connect_bus(shared_.options.address, shared_.stop);
  if (!bus) return bus.error();
  const int fd = bus.value().fd.get();
  if (shared_.options.direct) connect();
  if (const Bytes early = bus.value().early; !early.empty()) {
    const RecordTimes times = times_now();
    shared_.capture.add(early, times);
    if (End end = feed(early, times, nullptr)) return end;
  }
  if (!shared_.options.direct) {
    if (End end = subscribe(fd)) return end;
  }
  ring_if_due(monotonic_ns());
  return pump(fd);
}

Session::End Session::subscribe(int fd) {
  Subscription subscription(shared_.options.match_rules, [this] { connect(); });
  const std::uint64_t until = monotonic_ns() + kStepTimeoutNs;
  if (!send_all(fd, subscription.calls(), shared_.stop, until)) return "the bus does not take the match rules";
  while (!subscription.complete()) {
    const auto ready = shared_.stop.wait(fd, POLLIN, until);
    if (ready == Wakeup::Ready::kRaised) return std::nullopt;  // pump sees it too
    if (ready == Wakeup::Ready::kTimeout) return kNoAnswer;
    std::size_t messages;
    if (End end = read(fd, &subscription, messages)) return end;
    if (subscription.refused()) return subscription.refused();
    // A bus that talks without a pause never lets the wait run out.
    if (!subscription.complete() && monotonic_ns() >= until) return kNoAnswer;
  }
  return std::nullopt;
}

void Session::connect() {
  // What came before is told again: whoever listens starts from `connected`.
  connected_ = true;
  stream_.decoder().forget();
  RecordWriter writer;
  take(writer.write(RecordKind::kConnected, times_now(), {.urgent = true}), true);
}

void Session::settle(std::uint64_t now) {
  if (half_.overdue(stream_.decoder().holding(), now)) stream_.decoder().flush(*this);
  ring_if_due(now);
}

Session::End Session::pump(int fd) {
  while (true) {
    // After a sleep it reads at once, whatever is there: asking before would be a call more for each read of a busy bus.
    const bool slept = gathering_since_ != 0;
    const auto ready = slept ? Wakeup::Ready::kReady : shared_.stop.wait(fd, POLLIN, next_deadline());
    if (ready == Wakeup::Ready::kRaised) return std::nullopt;
    if (shared_.forget.exchange(false, std::memory_order_relaxed)) stream_.decoder().forget();
    if (ready == Wakeup::Ready::kTimeout) {
      settle(monotonic_ns());
      continue;
    }
    std::size_t messages = 0;
    End end = read(fd, nullptr, messages);
    const std::uint64_t now = monotonic_ns();
    batch_.after_read(messages, now);
    settle(now);
    if (end) return end;
    if (!gather(messages, now)) return std::nullopt;
  }
}

bool Session::gather(std::size_t messages, std::uint64_t now) {
  const std::uint64_t delay = window_.after_read(messages, now);
  gathering_since_ = delay > 0 ? now : 0;
  if (delay == 0) return true;
  // Not past the time to ring: what has come by then is read first, and rung for together.
  const std::uint64_t until = std::min(now + delay, batch_.deadline().value_or(UINT64_MAX));
  if (until < now + delay / 4 * 3) window_.cut_short();
  return shared_.stop.wait(-1, 0, until) != Wakeup::Ready::kRaised;
}

Session::End Session::read(int fd, dbus::ReplySink* replies, std::size_t& messages) {
  const std::uint64_t before = shared_.counters.messages.read();
  const Received got = receive(fd, buffer_);
  messages = 0;
  switch (got.kind) {
    case Received::Kind::kEmpty: return std::nullopt;
    case Received::Kind::kEnd: return "the bus closed the connection";
    case Received::Kind::kDescriptors: return "the peer passed file descriptors, which was never agreed";
    case Received::Kind::kErrno: return "read: " + std::system_category().message(got.error);
    case Received::Kind::kBytes: break;
  }
  arrived_ = gathering_since_ != 0 ? gathering_since_ : monotonic_ns();
  const RecordTimes times = times_now();
  const Bytes bytes = Bytes(buffer_).first(got.size);
  shared_.capture.add(bytes, times);
  End end = feed(bytes, times, replies);
  messages = static_cast<std::size_t>(shared_.counters.messages.read() - before);
  return end;
}

Session::End Session::feed(Bytes bytes, const RecordTimes& times, dbus::ReplySink* replies) {
  const auto fed = stream_.feed(bytes, times, *this, replies);
  if (fed) return std::nullopt;
  return describe(fed.error());
}

void Session::take(Bytes record, bool urgent) {
  if (!connected_) return;
  const bool queued = shared_.ring.push(record) == Pushed::kQueued;
  // Behind: the consumer must not sleep, or a full ring is lost to it, or waited for.
  if (batch_.add(record.size(), urgent, arrived_) || !queued) ring();
}

void Session::ring() {
  batch_.announced();
  shared_.doorbell.ring();
}

void Session::ring_if_due(std::uint64_t now) {
  if (const auto deadline = batch_.deadline(); deadline && *deadline <= now) ring();
}

std::optional<std::uint64_t> Session::next_deadline() const {
  const auto batch = batch_.deadline(), half = half_.deadline();
  return batch && half ? std::min(*batch, *half) : batch ? batch : half;
}

}  // namespace unitscope
