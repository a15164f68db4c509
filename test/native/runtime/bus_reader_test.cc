#include "runtime/bus_reader.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <string>

#include "harness.h"
#include "support/fake_bus.h"
#include "support/records.h"
#include "support/systemd_signals.h"

namespace unitscope {
namespace {

using test::check;
using Peer = test::FakeBus::Peer;

/// A consumer as JavaScript is one: it sleeps until the bell rings, then drains.
class Consumer final : public Doorbell {
 public:
  void ring() noexcept override {
    const std::lock_guard lock(mutex_);
    rung_ = true;
    bell_.notify_one();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    bell_.wait(lock, [&] { return rung_; });
    rung_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable bell_;
  bool rung_ = false;
};

std::string word(const test::Seen& seen) {
  switch (seen.header.kind) {
    case RecordKind::kConnected: return "connected";
    case RecordKind::kDisconnected: return "end: " + seen.text;
    case RecordKind::kLost: return "lost";
    case RecordKind::kUnitChanged: return seen.text;
    default: return "other";
  }
}

ReaderOptions options_for(const std::string& address) {
  ReaderOptions options;
  options.address = address;
  options.batch.timeout_ns = 0;
  return options;
}

/// Runs a reader to the end of its connection; `visit` gets each record. Lets the bus know when it is connected.
template <typename Visit>
void run_to_end(BusReader& reader, Consumer& consumer, test::FakeBus* bus, Visit visit) {
  reader.start();
  std::vector<std::uint8_t> buffer(64 * 1024);
  for (bool over = false; !over;) {
    consumer.wait();
    while (const std::size_t size = reader.drain_into(buffer)) {
      for (const auto& seen : test::records_in(Bytes(buffer).first(size))) {
        visit(seen);
        if (bus != nullptr && seen.header.kind == RecordKind::kConnected) bus->connected();
        over = over || seen.header.kind == RecordKind::kDisconnected;
      }
    }
  }
}

/// What a reader told until its end, joined with ` | `.
std::string life(const ReaderOptions& options, test::FakeBus* bus = nullptr) {
  Consumer consumer;
  BusReader reader(options, consumer);
  std::string out;
  run_to_end(reader, consumer, bus, [&](const test::Seen& seen) { out += (out.empty() ? "" : " | ") + word(seen); });
  return out;
}
std::string life(test::FakeBus::Script script) {
  test::FakeBus bus(std::move(script));
  std::string told = life(options_for(bus.address()), &bus);
  if (const auto at = told.find(bus.address()); at != told.npos) told.replace(at, bus.address().size(), "BUS");
  return told;
}

const test::Test kWhole{"threads: reader: connects, tells what it is sent, and how it ended", [] {
  test::equal(life([](Peer& peer) {
    peer.welcome_and_wait();
    peer.send(test::unit_half("a.service", "active", "running").bytes());
    peer.send(test::unit_half("b.service", "failed", "failed").bytes());
  }), "connected | a.service | b.service | end: the bus closed the connection");
}};

const test::Test kRules{"threads: reader: connected is told when every match rule was taken, and a refused one ends it in words", [] {
  const test::FakeBus good([](Peer& peer) { peer.welcome(1); });
  ReaderOptions options = options_for(good.address());
  options.match_rules = {"type='signal'"};
  test::equal(life(options), "connected | end: the bus closed the connection");

  const test::FakeBus bad([](Peer& peer) {
    peer.read_until("BEGIN\r\n");
    peer.send("OK 0123456789abcdef0123456789abcdef\r\n");
    peer.read_until("AddMatch");
    peer.answer(1);
    peer.refuse(2, "org.freedesktop.DBus.Error.LimitsExceeded", "too\nmany");
  });
  options.address = bad.address();
  test::equal(life(options), "end: the bus refused AddMatch(type='signal'): org.freedesktop.DBus.Error.LimitsExceeded: too?many");
}};

const test::Test kEarly{"threads: reader: what comes before connected is not told, what comes with it is", [] {
  test::equal(life([](Peer& peer) {
    peer.read_until("BEGIN\r\n");
    const auto early = test::unit_half("early.service", "active", "running").bytes();
    peer.send("OK 0123456789abcdef0123456789abcdef\r\n" + std::string(early.begin(), early.end()));
    peer.read_until("Hello");
    peer.answer(1);
    peer.wait_connected();
    peer.send(test::unit_half("early.service", "active", "running").bytes());
  }), "connected | early.service | end: the bus closed the connection");
}};

const test::Test kTogether{"threads: reader: what is read together with the last answer is told behind connected", [] {
  for (const std::uint32_t rules : {0u, 1u}) {
    const test::FakeBus bus([rules](Peer& peer) {
      peer.read_until("BEGIN\r\n");
      peer.send("OK 0123456789abcdef0123456789abcdef\r\n");
      peer.read_until(rules == 0 ? "Hello" : "AddMatch");
      std::vector<test::MessageParts> all = {test::unit_signal("UnitNew", "too-early.service")};
      for (std::uint32_t call = 1; call <= rules + 1; call++) all.push_back(Peer::answer_to(call));
      all.push_back(test::unit_half("a.service", "active", "running"));
      all.push_back(test::unit_half("b.service", "active", "running"));
      peer.send(test::joined(all));
    });
    ReaderOptions options = options_for(bus.address());
    options.match_rules.assign(rules, "type='signal'");
    test::equal(life(options), "connected | a.service | b.service | end: the bus closed the connection");
  }
}};

const test::Test kDirect{"threads: reader: systemd's own socket is asked for nothing, and is listened to from its first byte", [] {
  test::FakeBus bus([](Peer& peer) {
    peer.read_until("BEGIN\r\n");
    const auto early = test::unit_half("early.service", "active", "running").bytes();
    peer.send("OK 0123456789abcdef0123456789abcdef\r\n" + std::string(early.begin(), early.end()));
    peer.wait_connected();
    auto anonymous = test::unit_half("a.service", "active", "running");
    anonymous.fields.pop_back();  // the sender: only a bus puts it in
    peer.send(anonymous.bytes());
  });
  ReaderOptions options = options_for(bus.address());
  options.match_rules = {"type='signal'"};  // a bus would be asked, and would not answer here
  options.direct = true;
  test::equal(life(options, &bus), "connected | early.service | a.service | end: the bus closed the connection");
}};

const test::Test kAuth{"threads: reader: every fault of the handshake ends it with its reason", [] {
  const auto after = [](std::string line) {
    const std::string told = life([line](Peer& peer) {
      peer.read_until("BEGIN\r\n");
      peer.send(line);
    });
    return told.substr(0, told.find(" ("));
  };
  test::equal(after(""), "end: cannot connect to BUS: authentication: the bus closed the connection");
  test::equal(after("OK 01"), "end: cannot connect to BUS: authentication: the bus closed the connection");
  test::equal(after("REJECTED EXTERNAL\r\n"), "end: cannot connect to BUS: authentication failed: rejected");
  test::equal(after("ERROR\r\n"), "end: cannot connect to BUS: authentication failed: error");
  test::equal(after("DATA\r\n"), "end: cannot connect to BUS: authentication failed: unexpected");
  test::equal(after("OK nonsense\r\n"), "end: cannot connect to BUS: authentication failed: bad_guid");
  test::equal(after(std::string(20'000, 'x')), "end: cannot connect to BUS: authentication failed: line_too_long");
}};

const test::Test kGarbage{"threads: reader: a peer that sends garbage or descriptors ends it with its reason", [] {
  test::equal(life([](Peer& peer) {
    peer.welcome_and_wait();
    peer.send("this is no D-Bus message, and never was one");
  }), "connected | end: bad message: header_endian at byte 0");
  test::equal(life([](Peer& peer) {
    peer.welcome_and_wait();
    peer.send_descriptor();
  }), "connected | end: the peer passed file descriptors, which was never agreed");
  test::equal(life([](Peer& peer) {
    peer.welcome_and_wait();
    const auto message = test::unit_half("a.service", "active", "running").bytes();
    peer.send(std::string(message.begin(), message.begin() + 50));
  }), "connected | end: the bus closed the connection");
}};

const test::Test kNobody{"threads: reader: nobody there, a bad address, and the second address of a list", [] {
  test::equal(life(options_for("unix:abstract=unitscope-nobody-listens-here")),
              "end: cannot connect to unix:abstract=unitscope-nobody-listens-here: Connection refused (is the bus running?)");
  test::equal(life(options_for("unix:path=/nowhere/bus")),
              "end: cannot connect to unix:path=/nowhere/bus: No such file or directory (is the bus running?)");
  check(life(options_for("tcp:host=localhost")).starts_with("end: bus address \"tcp:host=localhost\" refused: unknown_transport at byte 0"));
  const test::FakeBus bus([](Peer& peer) { peer.welcome(); });
  test::equal(life(options_for("unix:path=/nowhere/bus;" + bus.address())), "connected | end: the bus closed the connection");
}};

const test::Test kStorm{"threads: reader: a storm through a small ring: told and lost add up to what was sent", [] {
  constexpr std::uint32_t kSignals = 20'000;
  std::vector<test::MessageParts> ten;
  for (int i = 0; i < 10; i++) ten.push_back(test::unit_signal("UnitNew", "u" + std::to_string(i) + ".service"));
  const auto once = test::joined(ten);
  std::vector<std::uint8_t> all;
  for (std::uint32_t sent = 0; sent < kSignals; sent += 10) all.insert(all.end(), once.begin(), once.end());
  for (const Overflow overflow : {Overflow::kDropOldest, Overflow::kDropNewest, Overflow::kBlock}) {
    test::FakeBus bus([&](Peer& peer) {
      peer.welcome_and_wait();
      peer.send_all(all);
    });
    ReaderOptions options = options_for(bus.address());
    options.ring.max_records = 64;
    options.ring.overflow = overflow;
    Consumer consumer;
    BusReader reader(options, consumer);
    std::uint64_t told = 0, lost = 0;
    run_to_end(reader, consumer, &bus, [&](const test::Seen& seen) {
      if (seen.header.kind == RecordKind::kUnitNew) told++;
      if (seen.header.kind == RecordKind::kLost) lost += seen.header.value;
    });
    test::equal(told + lost, kSignals);
    if (overflow == Overflow::kBlock) test::equal(lost, 0u);
    test::equal(reader.ring().dropped(), lost);
    test::equal(reader.counters().messages.read(), kSignals + 1);
  }
}};

const test::Test kStop{"threads: reader: stop() ends it wherever it is, at once and for good", [] {
  const std::vector<test::FakeBus::Script> scripts = {
      [](Peer& peer) { peer.read_until("never"); },                                   // in the handshake
      [](Peer& peer) { peer.read_until("BEGIN"), peer.send("OK 0123456789abcdef0123456789abcdef\r\n"), peer.read_until("never"); },
      [](Peer& peer) { peer.welcome(), peer.read_until("never"); },                   // waiting for signals
  };
  for (std::size_t i = 0; i < scripts.size(); i++) {
    for (int round = 0; round < 20; round++) {
      const test::FakeBus bus(scripts[i]);
      Consumer consumer;
      BusReader reader(options_for(bus.address()), consumer);
      reader.start();
      if (round % 2 == 1) std::this_thread::yield();
      if (i == 2 && round % 4 == 3) consumer.wait();  // connected
      reader.stop();
      reader.stop();
      reader.start();  // does nothing: a connection has one life
      std::vector<std::uint8_t> buffer(64 * 1024);
      const std::size_t size = reader.drain_into(buffer);
      for (const auto& seen : test::records_in(Bytes(buffer).first(size))) {
        check(seen.header.kind != RecordKind::kDisconnected, "whoever stops it knows");
      }
    }
  }
}};

const test::Test kStopFull{"threads: reader: stop() ends one that waits for room in a full ring", [] {
  test::FakeBus bus([](Peer& peer) {
    peer.welcome_and_wait();
    for (int i = 0; i < 100; i++) peer.send(test::unit_signal("UnitNew", "a.service").bytes());
    peer.read_until("never");
  });
  ReaderOptions options = options_for(bus.address());
  options.ring.max_records = 4;
  options.ring.overflow = Overflow::kBlock;
  Consumer consumer;
  BusReader reader(options, consumer);
  reader.start();
  std::vector<std::uint8_t> buffer(64 * 1024);
  for (bool connected = false; !connected;) {
    consumer.wait();
    connected = reader.drain_into(buffer) > 0;
  }
  bus.connected();
  // The answer to Hello, four signals that fit, and the one that waits.
  while (reader.counters().messages.read() < 6) std::this_thread::yield();
  reader.stop();
  // The one that waited is dropped, and counted: as are those that the thread had read with it.
  const std::size_t size = reader.drain_into(buffer);
  const auto seen = test::records_in(Bytes(buffer).first(size));
  test::equal(seen.size(), 5u, "four, and one that says how many are lost");
  test::equal(seen.back().header.value, reader.ring().dropped());
  check(reader.ring().dropped() > 0);
}};

const test::Test kShifted{"threads: reader: on a bus whose every read ends with a half, no half is told alone", [] {
  constexpr std::uint32_t kChanges = 14;  // 100 ms apart: longer in all than the second after which a half is overdue
  test::FakeBus bus([](Peer& peer) {
    peer.welcome_and_wait();
    peer.send(test::service_half("a.service", "success", 1).bytes());
    for (std::uint32_t i = 1; i < kChanges; i++) {
      ::poll(nullptr, 0, 100);
      peer.send(test::joined({test::unit_half("a.service", "state-" + std::to_string(i), "x"),
                              test::service_half("a.service", "success", i + 1)}));
    }
    peer.send(test::unit_half("a.service", "state-" + std::to_string(kChanges), "x").bytes());
  });
  Consumer consumer;
  BusReader reader(options_for(bus.address()), consumer);
  std::uint32_t told = 0;
  run_to_end(reader, consumer, &bus, [&](const test::Seen& seen) {
    if (seen.header.kind != RecordKind::kUnitChanged) return;
    test::equal(reader.symbols().text(seen.state.active_state), "state-" + std::to_string(seen.state.n_restarts));
    told++;
  });
  test::equal(told, kChanges);
}};

const test::Test kUnstarted{"threads: reader: one that never started stops and is drained like any other", [] {
  Consumer consumer;
  BusReader reader(options_for("unix:path=/nowhere"), consumer);
  reader.stop();
  std::vector<std::uint8_t> buffer(4096);
  test::equal(reader.drain_into(buffer), 0u);
}};

const test::Test kForgetful{"threads: reader: forget() and counters from another thread while signals flow", [] {
  test::FakeBus bus([](Peer& peer) {
    peer.welcome_and_wait();
    for (int i = 0; i < 500; i++) peer.send(test::unit_half("a.service", i % 2 == 0 ? "active" : "inactive", "x").bytes());
  });
  Consumer consumer;
  BusReader reader(options_for(bus.address()), consumer);
  std::uint64_t changes = 0, messages = 0;
  run_to_end(reader, consumer, &bus, [&](const test::Seen& seen) {
    reader.forget();
    changes += seen.header.kind == RecordKind::kUnitChanged ? 1u : 0u;
    const std::uint64_t now = reader.counters().messages.read();
    check(now >= messages && reader.capture().held_bytes() == 0, "counters only grow");
    messages = now;
  });
  test::equal(changes, 500u);
  test::equal(messages, 501u);
}};

const test::Test kCaptured{"threads: reader: the bytes captured are those sent, up to the limit, and parse to the same records", [] {
  const auto messages = test::joined({test::unit_half("a.service", "active", "running"), test::unit_signal("UnitNew", "b.service")});
  const auto captured = [&](std::size_t limit) {
    const test::FakeBus bus([&](Peer& peer) {
      peer.welcome();
      peer.send(messages);
    });
    ReaderOptions options = options_for(bus.address());
    options.capture_bytes = limit;
    Consumer consumer;
    BusReader reader(options, consumer);
    run_to_end(reader, consumer, nullptr, [](const test::Seen&) {});
    const Capture::Taken taken = reader.capture().take();
    std::vector<std::uint8_t> all;
    for (const auto& chunk : taken.chunks) all.insert(all.end(), chunk.bytes.begin(), chunk.bytes.end());
    test::equal(reader.capture().held_bytes(), 0u);
    return std::pair(all, taken.truncated);
  };
  const auto [whole, cut] = captured(100'000);
  check(!cut && whole.size() > messages.size(), "the answer to Hello is among them");
  check(std::equal(messages.begin(), messages.end(), whole.end() - static_cast<std::ptrdiff_t>(messages.size())));
  const auto [part, truncated] = captured(100);
  check(truncated && part.size() <= 100);
}};

}  // namespace
}  // namespace unitscope
