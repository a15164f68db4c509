#include "core/dbus/signal_stream.h"

#include <algorithm>
#include <string>

#include "harness.h"
#include "support/random.h"
#include "support/records.h"
#include "support/systemd_signals.h"
#include "support/told.h"

namespace unitscope::dbus {
namespace {

using test::check;
using test::MessageParts;
using test::Told;
using test::Wire;

using test::job_removed;
using test::owner_changed;
using test::reloading;
using test::service_half;
using test::unit_half;
using test::unit_signal;

const test::Test kPair{"signals: the two halves of a change are one record", [] {
  Told told;
  told.feed({service_half("a.service", "success", 3), unit_half("a.service", "active", "running")});
  test::equal(told.words(), "a.service:active/running/success/3");
  test::equal(told.counters.matched.read(), 2u);
  test::equal(told.counters.suppressed.read(), 0u);
}};

const test::Test kRepeats{"signals: systemd's repeats collapse; a real change comes through; both halves are counted", [] {
  Told told;
  std::vector<MessageParts> five;
  for (int i = 0; i < 5; i++) {
    five.push_back(service_half("a.service"));
    five.push_back(unit_half("a.service", "active", "running"));
  }
  test::equal(told.feed(five).words(), "a.service:active/running/success/0");
  test::equal(told.counters.suppressed.read(), 8u);
  told.feed({service_half("a.service", "exit-code"), unit_half("a.service", "failed", "failed")}).feed(five);
  test::equal(told.words(), "a.service:failed/failed/exit-code/0 | a.service:active/running/success/0");
  test::equal(told.urgents(), 1u, "a failure is urgent");
  test::equal(told.counters.units.read(), 1u);
}};

const test::Test kHalves{"signals: a half alone is told with what is known of the other, not held behind others", [] {
  Told told;
  test::equal(told.feed({unit_half("a.service", "active", "running")}).words(), "a.service:active/running//0");
  test::equal(told.feed({service_half("a.service", "success", 1)}).words(), "", "waits for its other half");
  test::equal(told.feed({unit_signal("UnitNew", "b.service")}).words(), "a.service:active/running/success/1 | new:b.service",
              "order is kept");
  told.feed({service_half("a.service", "success", 2), service_half("b.service", "timeout")});
  test::equal(told.words(), "a.service:active/running/success/2");
  test::equal(told.flush().words(), "b.service://timeout/0");
  test::equal(told.flush().words(), "", "once");
}};

const test::Test kHolds{"signals: each half that is held has a number of its own, so that only one that is overdue is told alone", [] {
  Told told;
  test::equal(told.holding(), 0u);
  test::equal(told.feed({service_half("a.service", "success", 1)}).holding(), 1u);
  // A read that ends the one and begins the next, as on a busy bus.
  for (std::uint32_t i = 2; i < 5; i++) {
    test::equal(told.feed({unit_half("a.service", "active", "x"), service_half("a.service", "success", i)}).holding(), i);
  }
  test::equal(told.feed({unit_half("a.service", "active", "x")}).holding(), 0u);
  test::equal(told.words(), "a.service:active/x/success/1 | a.service:active/x/success/2 | a.service:active/x/success/3 | "
                            "a.service:active/x/success/4");
}};

const test::Test kForget{"signals: after forget() each unit's next signal is told again, with its whole state", [] {
  Told told;
  told.feed({service_half("a.service", "success", 1), unit_half("a.service", "active", "running")}).words();
  test::equal(told.forget().feed({unit_half("a.service", "active", "running")}).words(), "a.service:active/running/success/1");
  test::equal(told.feed({unit_half("a.service", "active", "running")}).words(), "");
}};

const test::Test kRemoved{"signals: a removed unit is forgotten; one that a reload removes is not", [] {
  Told told;
  const auto running = unit_half("a.service", "active", "running");
  told.feed({running}).words();
  test::equal(told.feed({unit_signal("UnitRemoved", "a.service"), running}).words(), "gone:a.service | a.service:active/running//0");
  told.feed({reloading(true), unit_signal("UnitRemoved", "a.service"), unit_signal("UnitNew", "a.service"), running, reloading(false)});
  test::equal(told.words(), "reloading:1 | gone:a.service | new:a.service | reloading:0");
  told.feed({reloading(true), owner_changed("org.freedesktop.systemd1", "")}).words();
  test::equal(told.feed({unit_signal("UnitRemoved", "a.service"), running}).words(),
              "gone:a.service | a.service:active/running//0", "the reload ended with its systemd");
}};

const test::Test kEntries{"signals: a record says which entry its unit has, none before its first state, a new one after it was gone", [] {
  Told told;
  told.feed({unit_signal("UnitNew", "a.service"), unit_half("b.service", "active", "x"), unit_half("a.service", "active", "x"),
             job_removed("a.service", "done"), unit_signal("UnitRemoved", "a.service"), unit_half("c.service", "active", "x"),
             job_removed("nobody.service", "done")});
  std::string entries;
  for (const auto& [header, state, text] : told.records()) {
    entries += text.substr(0, 1) + std::to_string(header.unit.id) + "." + std::to_string(header.unit.generation) + " ";
  }
  test::equal(entries, "a0.0 b1.1 a2.1 a2.1 a2.1 c2.2 n0.0 ");
}};

const test::Test kKnown{"signals: what systemd has not sent yet is told apart from its zeros", [] {
  Told told;
  const auto known = [&] { return told.records().back().state.known; };
  constexpr std::uint32_t kActive = 1u << 0, kSub = 1u << 1, kResult = 1u << 2, kRestarts = 1u << 8;
  told.feed({unit_half("a.service", "active", "running")});
  test::equal(known(), kActive | kSub);
  told.feed({service_half("a.service", "success", 0), unit_half("a.service", "active", "running")});
  test::equal(known(), kActive | kSub | kResult | kRestarts, "a 0 that is systemd's own");
  told.feed({test::properties_changed("a.service", "Unit", {{"Later", "x"}})});
  test::equal(told.words(), "", "what was known stays so");
}};

const test::Test kManager{"signals: jobs, unit files and systemd coming and going", [] {
  Told told;
  told.feed({test::manager_signal("JobNew", "uos", [](Wire& out) { out.u32(5).str("/job/5").str("a.service"); }),
             job_removed("a.service", "done"), test::manager_signal("UnitFilesChanged", "", {}),
             owner_changed("org.freedesktop.systemd1", ":1.9"), owner_changed("org.freedesktop.systemd1", ""),
             owner_changed("org.example", ":1.9"), test::manager_signal("StartupFinished", "t", [](Wire& out) { out.u64(1); })});
  test::equal(told.words(), "job:a.service/5 | job done:a.service/5/done | files | systemd:1 | systemd:0");
}};

const test::Test kFilter{"signals: what the filter refuses is counted and its body never looked at", [] {
  Told told({{"a*"}, {}, {"service"}});
  MessageParts broken = unit_half("b.service", "active", "running");
  broken.body = [](Wire& out) { out.u64(UINT64_MAX); };
  told.feed({broken, unit_half("a.socket", "active", "listening"), unit_half("a.service", "active", "running"),
             unit_signal("UnitNew", "b.service"), job_removed("a.service", "done")});
  test::equal(told.words(), "a.service:active/running//0 | job done:a.service/5/done");
  test::equal(told.counters.filtered.read(), 3u);
  test::equal(told.counters.matched.read(), 2u);
  test::equal(told.counters.messages.read(), 5u);
}};

const test::Test kOther{"signals: interfaces and properties we do not track change nothing", [] {
  Told told;
  told.feed({test::properties_changed("a.slice", "Slice", {{"Slice", "x"}}), test::properties_changed("a.service", "Unit", {{"Later", "x"}})});
  test::equal(told.words(), "a.service:///0", "first sight of the unit");
  MessageParts changed_type = unit_half("a.service", "active", "running");
  changed_type.body = [](Wire& out) {
    out.str("org.freedesktop.systemd1.Unit");
    out.array(8, [](Wire& dict) {
      dict.align(8).str("ActiveState").sig("u").u32(7);
      dict.align(8).str("SubState").sig("s").str("running");
    });
    out.u32(0);
  };
  test::equal(told.feed({changed_type}).words(), "a.service:/running//0", "a property of another type costs itself only");
}};

const test::Test kForged{"signals: a signal sent to us alone is not systemd's; it is counted and ignored", [] {
  Told told;
  MessageParts forged = unit_half("a.service", "failed", "failed");
  forged.fields.push_back(MessageParts::destination(":1.77"));
  MessageParts driver = owner_changed("org.freedesktop.systemd1", "");
  driver.fields[3] = MessageParts::text(7, "s", ":1.66");
  test::equal(told.feed({forged, driver, unit_half("a.service", "active", "running")}).words(), "a.service:active/running//0");
  test::equal(told.rejected(Reason::kUnicastSignal), 1u);
}};

const test::Test kNames{"signals: a unit whose name could not be systemd's is counted and ignored", [] {
  Told told;
  told.feed({unit_signal("UnitNew", "evil\n.service"), unit_signal("UnitNew", "../x"), unit_half("no_suffix", "active", "x")});
  test::equal(told.words(), "");
  test::equal(told.rejected(Reason::kUnitName), 3u);
}};

const test::Test kBad{"signals: a message that breaks the rules ends the stream for good, with its reason counted", [] {
  Told told;
  MessageParts wrong = unit_half("a.service", "active", "running");
  wrong.signature = "s";
  wrong.body = [](Wire& out) { out.str("x"); };
  told.feed({unit_half("b.service", "active", "running"), wrong, unit_half("c.service", "active", "running")});
  test::equal(told.words(), "b.service:active/running//0 !signal_signature");
  test::equal(told.feed({unit_half("d.service", "active", "running")}).words(), " !signal_signature");
  test::equal(told.rejected(Reason::kSignalSignature), 1u);
  for (const auto& [member, signature] : {std::pair{"UnitNew", "s"}, {"JobRemoved", "uos"}, {"JobNew", "so"}, {"Reloading", "u"}}) {
    const auto fill = [signature = std::string(signature)](Wire& out) {
      for (const char code : signature) code == 'u' ? out.u32(1) : out.str(code == 'o' ? "/a" : "a.service");
    };
    test::equal(Told().feed({test::manager_signal(member, signature, fill)}).words(), " !signal_signature", member);
  }
}};

const test::Test kCutBody{"signals: a change cut at any byte tells nothing of itself", [] {
  const std::vector<std::uint8_t> whole = unit_half("a.service", "active", "running").bytes();
  const std::size_t header = parse_frame(whole).value().header_bytes();
  for (std::size_t size = header + 1; size < whole.size(); size++) {
    Wire cut;
    cut.bytes.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    cut.patch(4, size - header);
    test::check(Told().feed(cut.bytes).flush().words().starts_with(" !"), std::to_string(size));
  }
}};

/// A day of a small machine: units of random names change at random, in all the messages there are.
std::vector<std::uint8_t> random_day(test::Random& random) {
  static const std::vector<std::string> kUnits = {"a.service", "b@1.service", "c.timer", "dev-sda\\x2d1.swap", "-.slice"};
  static const std::vector<std::string> kStates = {"active", "inactive", "failed", "activating"};
  std::vector<MessageParts> all;
  for (int i = 0; i < 60; i++) {
    const std::string& unit = kUnits[random.below(5)];
    switch (random.below(8)) {
      case 0: all.push_back(unit_signal(random.one_in(2) ? "UnitNew" : "UnitRemoved", unit)); break;
      case 1: all.push_back(job_removed(unit, random.one_in(2) ? "done" : "failed")); break;
      case 2: all.push_back(reloading(random.one_in(2))); break;
      case 3: all.push_back(service_half(unit, "success", random.below(3))); break;
      default:
        all.push_back(service_half(unit, "success", random.below(3)));
        all.push_back(unit_half(unit, kStates[random.below(4)], "sub"));
    }
    all.back().order = random.one_in(3) ? ByteOrder::kBig : ByteOrder::kLittle;
  }
  return test::joined(all);
}

const test::Test kCuts{"signals: however the bytes are cut, the same records come out, property", [] {
  test::Random random;
  for (int day = 0; day < 20; day++) {
    const std::vector<std::uint8_t> all = random_day(random);
    const std::string expected = Told().feed(all).flush().words();
    for (int round = 0; round < 20; round++) {
      Told told;
      std::string out;
      for (Bytes rest = all; !rest.empty();) {
        const std::size_t size = std::min<std::size_t>(rest.size(), 1 + random.below(round < 3 ? 8 : 900));
        told.feed(rest.first(size));
        rest = rest.subspan(size);
      }
      test::equal(told.flush().words(), expected, random.seed());
    }
  }
}};

const test::Test kLastState{"signals: what is told of a unit is never what was told last, and the last told is the truth, property", [] {
  test::Random random;
  for (int round = 0; round < 50; round++) {
    Told told;
    std::vector<std::string> last(4), truth(4);
    for (int step = 0; step < 80; step++) {
      const std::uint32_t unit = random.below(4);
      const std::string active = random.one_in(2) ? "active" : "inactive", result = random.one_in(2) ? "success" : "signal";
      const std::string name = "u" + std::to_string(unit) + ".service";
      truth[unit] = name + ":" + active + "/sub/" + result + "/0";
      const std::string words = told.feed({service_half(name, result), unit_half(name, active, "sub")}).words();
      test::equal(words, last[unit] == truth[unit] ? "" : truth[unit], random.seed());
      last[unit] = truth[unit];
    }
  }
}};

const test::Test kTable{"signals: more units than the table holds begin it anew: a repeat is told, nothing is lost", [] {
  SymbolTable symbols;
  SourceCounters counters;
  SignalDecoder decoder({{}, {}, {}}, symbols, counters);
  test::Collector sink;
  const std::size_t first = 100'000;
  const auto model = unit_half("u" + std::to_string(first) + ".service", "active", "running").bytes();
  const auto take = [&](std::size_t unit) {
    const auto bytes = test::renamed(model, std::to_string(first), std::to_string(first + unit));
    const auto frame = parse_frame(bytes);
    const auto message = parse_header(frame.value(), bytes);
    check(decoder.decode(message.value(), {}, sink).ok());
  };
  for (std::size_t i = 0; i <= UnitTable::kMaxUnits; i++) take(i);
  test::equal(sink.records.size(), UnitTable::kMaxUnits + 1);
  test::equal(counters.units.read(), 1u);
  take(0);
  test::equal(sink.records.size(), UnitTable::kMaxUnits + 2);
}};

}  // namespace
}  // namespace unitscope::dbus
