#include "core/batch/read_window.h"

#include <deque>
#include <string>

#include "harness.h"

namespace unitscope {
namespace {

using test::check;

constexpr std::uint64_t kUs = 1000, kMs = 1'000'000, kSecond = 1'000'000'000;

/// A bus and the socket of one listener, as far as they decide when a message can be read.
class Bus {
 public:
  enum class Kind { kDaemon, kBroker };
  explicit Bus(Kind kind) : kind_(kind) {}

  void send(std::uint64_t now) {
    queue_.push_back(now);
    if (now >= held_up_until_) write();
  }
  /// Somebody else has the CPU: what comes until then is queued.
  void hold_up(std::uint64_t until) { held_up_until_ = until; }
  [[nodiscard]] bool readable() const { return !socket_.empty(); }
  /// All that is in the socket; the oldest was sent at `oldest`. Its room wakes the bus.
  std::size_t read(std::uint64_t& oldest) {
    const std::size_t messages = socket_.size();
    if (messages > 0) oldest = socket_.front();
    socket_.clear();
    writable_ = true;
    write();
    return messages;
  }

 private:
  static constexpr std::size_t kBrokersAtOnce = 16, kSocketRoom = 92, kPolledRoom = 23;

  void write() {
    if (kind_ == Kind::kDaemon) return move(queue_.size(), kPolledRoom);
    if (!writable_) return;
    move(kBrokersAtOnce, kSocketRoom);
    writable_ = queue_.empty();  // else the next edge tells
  }
  void move(std::size_t most, std::size_t room) {
    for (; most > 0 && !queue_.empty() && socket_.size() < room; most--) {
      socket_.push_back(queue_.front());
      queue_.pop_front();
    }
  }

  const Kind kind_;
  std::deque<std::uint64_t> queue_, socket_;
  bool writable_ = true;
  std::uint64_t held_up_until_ = 0;
};

/// A listener that reads such a bus, in virtual time.
struct Listener {
  Listener(Bus::Kind kind, std::uint64_t longest_ns, std::uint64_t per_second)
      : bus(kind), window(longest_ns), gap_ns(2 * kSecond / per_second) {}

  /// Signals come in pairs, as systemd's do.
  void come_until(std::uint64_t time) {
    for (; next <= time; next += gap_ns) bus.send(next), bus.send(next);
    now = time;
  }
  void run_until(std::uint64_t end) {
    constexpr std::uint64_t kWakeNs = 30 * kUs, kLateNs = 60 * kUs;
    oldest_age = reads = signals = 0;
    while (now < end) {
      if (sleep > 0) come_until(now + sleep + kLateNs);
      else come_until(bus.readable() ? now + kWakeNs : std::max(now, next) + kWakeNs);
      std::uint64_t oldest = now;
      const std::size_t messages = bus.read(oldest);
      oldest_age = std::max(oldest_age, now - oldest);
      signals += messages;
      reads++;
      come_until(now + messages * kUs);
      sleep = window.after_read(messages, now);
    }
  }

  Bus bus;
  ReadWindow window;
  const std::uint64_t gap_ns;
  std::uint64_t now = kSecond, next = kSecond, sleep = 0;
  std::uint64_t oldest_age = 0;
  std::size_t reads = 0, signals = 0;
};

const test::Test kStreams{"read window: a steady stream is read as seldom as its age allows, and a bus that was held up is caught up with", [] {
  struct Case {
    std::uint64_t longest_ms;
    std::uint64_t per_second;
    std::uint64_t oldest_us;         // at most
    std::size_t reads_per_thousand;  // at most, of signals
  };
  for (const Case& each :
       {Case{2, 350, 200, 500}, Case{2, 1000, 200, 500}, Case{2, 4000, 2200, 130}, Case{2, 5000, 2200, 110}, Case{4, 350, 200, 500},
        Case{4, 1000, 200, 500}, Case{4, 2000, 4200, 130}, Case{4, 4000, 4200, 70}, Case{4, 5000, 4200, 60}, Case{4, 7000, 2200, 80},
        Case{4, 8000, 2200, 75}, Case{4, 9000, 2200, 65}, Case{4, 10'000, 2200, 55}, Case{4, 12'000, 2200, 95},
        Case{4, 20'000, 2200, 95}, Case{4, 40'000, 2200, 95}, Case{4, 100'000, 2200, 100}}) {
    for (const Bus::Kind kind : {Bus::Kind::kDaemon, Bus::Kind::kBroker}) {
      const std::string name = std::to_string(each.longest_ms) + " ms, " + std::to_string(each.per_second) +
                               (kind == Bus::Kind::kDaemon ? ", daemon" : ", broker");
      Listener listener(kind, each.longest_ms * kMs, each.per_second);
      listener.run_until(2 * kSecond);
      listener.run_until(3 * kSecond);
      const auto as_ever = [&](const char* when) {
        check(listener.oldest_age <= each.oldest_us * kUs, name + when + ": waited " + std::to_string(listener.oldest_age / kUs) + " us");
        check(listener.signals * 100 >= each.per_second * 99, name + when + ": " + std::to_string(listener.signals) + " signals");
        check(listener.reads * 1000 <= each.reads_per_thousand * listener.signals,
              name + when + ": " + std::to_string(listener.reads) + " reads");
      };
      as_ever("");
      // The bus had no CPU; then, the listener had none.
      listener.bus.hold_up(listener.now + 5 * kMs);
      listener.run_until(listener.now + 100 * kMs);
      listener.run_until(listener.now + kSecond);
      as_ever(" after a pause of the bus");
      listener.come_until(listener.now + 100 * kMs);
      listener.run_until(listener.now + 100 * kMs);
      listener.run_until(listener.now + kSecond);
      as_ever(" after a pause of the listener");
    }
  }
}};

/// dbus-broker with more to send than it ever can: for each edge 16 messages, of which each takes it some time.
class Backlog {
 public:
  explicit Backlog(std::uint64_t message_ns) : message_ns_(message_ns) { edge(kSecond); }

  [[nodiscard]] std::uint64_t first() const { return sent_.front(); }
  std::size_t read(std::uint64_t now) {
    std::size_t messages = 0;
    for (; !sent_.empty() && sent_.front() <= now; messages++) sent_.pop_front();
    if (messages > 0) edge(now);
    return messages;
  }

 private:
  void edge(std::uint64_t now) {
    // While it writes, any number of edges are one, which it looks at when it is done.
    if (busy_until_ > now && again_) return;
    again_ = busy_until_ > now;
    std::uint64_t at = std::max(now, busy_until_) + 20 * kUs;
    for (int i = 0; i < 16; i++) sent_.push_back(at += message_ns_);
    busy_until_ = at;
  }

  const std::uint64_t message_ns_;
  std::deque<std::uint64_t> sent_;
  std::uint64_t busy_until_ = 0;
  bool again_ = false;
};

/// Messages a second that a listener takes of it, whose sleeps end with its batches as the reader's do.
std::uint64_t taken(std::uint64_t message_ns, std::uint64_t longest_ns, bool sleeps) {
  Backlog bus(message_ns);
  ReadWindow window(longest_ns);
  std::uint64_t now = kSecond, sleep = 0, batch_since = 0, messages = 0;
  while (now < 3 * kSecond) {
    if (sleep == 0) {
      now = std::max(now, bus.first()) + 30 * kUs;
    } else {
      const std::uint64_t until = std::min(now + sleep, batch_since == 0 ? UINT64_MAX : batch_since + longest_ns);
      if (until < now + sleep / 4 * 3) window.cut_short();
      if (until > now) now = until + 60 * kUs;
    }
    const std::size_t got = bus.read(now);
    messages += got;
    if (got > 0 && batch_since == 0) batch_since = now;
    if (batch_since != 0 && now >= batch_since + longest_ns) batch_since = 0;
    now += got * kUs;
    const std::uint64_t delay = window.after_read(got, now);
    sleep = sleeps ? delay : 0;
  }
  return messages / 2;
}

const test::Test kBacklog{"read window: a bus that always has more to send is not held up, whatever its own pace", [] {
  for (const std::uint64_t message_us : {1, 5, 10, 20, 40}) {
    for (const std::uint64_t longest_ms : {2, 4, 5}) {
      const std::uint64_t most = taken(message_us * kUs, longest_ms * kMs, false), ours = taken(message_us * kUs, longest_ms * kMs, true);
      // Two thirds are what sleeps for 12 messages cost in this model, whose timer is always late and whose bus never early.
      check(ours * 100 >= most * 65, std::to_string(message_us) + " us, " + std::to_string(longest_ms) + " ms: " +
                                         std::to_string(ours) + " of " + std::to_string(most) + " a second");
    }
  }
}};

const test::Test kNever{"read window: none is asked for where a batch waits for nobody", [] {
  ReadWindow window(0);
  for (std::uint64_t now = kSecond; now < 2 * kSecond; now += kMs) test::equal(window.after_read(10, now), 0u);
}};

}  // namespace
}  // namespace unitscope
