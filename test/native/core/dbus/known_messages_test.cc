#include <algorithm>
#include <string>

#include "harness.h"
#include "support/named_messages.h"
#include "support/random.h"
#include "support/random_message.h"
#include "support/same_reading.h"
#include "support/systemd_signals.h"

// What was found valid once is compared, not checked again. That may change the time a message takes, and nothing else.

namespace unitscope::dbus {
namespace {

using test::MessageParts;
using test::Wire;
using Message = std::vector<std::uint8_t>;

/// Both halves of a unit's change and what else comes, as systemd sends them one after the other.
std::vector<Message> ordinary(test::Random& random) {
  const std::string unit = "unit" + std::to_string(random.below(30)) + ".service";
  static constexpr std::string_view kStates[] = {"active", "inactive", "activating", "", "failed"};
  const auto state = [&] { return std::string(kStates[random.below(5)]); };
  std::vector<Message> all;
  for (const MessageParts& parts : {test::service_half(unit, state(), random.below(3)), test::unit_half(unit, state(), state()),
                                    test::unit_signal("UnitNew", unit), test::properties_changed(unit, "Timer", {{"Result", state()}})}) {
    all.push_back(parts.bytes());
  }
  return all;
}

void check_same(test::SameReading& reading, const Message& bytes, std::string_view what) {
  if (bytes.size() < kFixedHeaderBytes) return;
  const auto frame = parse_frame(bytes);
  if (!frame || frame.value().message_bytes != bytes.size()) return;
  test::equal(reading.differs(frame.value(), bytes), "", what);
}

const test::Test kBytes{"known messages: whichever byte of one is another, the verdict is that of a reader without memory", [] {
  test::Random random;
  for (const Message& message : ordinary(random)) {
    test::SameReading reading;
    check_same(reading, message, "the first");
    for (std::size_t at = 0; at < message.size(); at++) {
      for (const int to : {0, 1, 4, int{'s'}, int{'o'}, int{'B'}, 0xff, message[at] + 1, message[at] - 1, message[at] ^ 0x80}) {
        Message changed = message;
        changed[at] = static_cast<std::uint8_t>(to);
        check_same(reading, changed, "byte " + std::to_string(at) + " is " + std::to_string(to));
        check_same(reading, message, "again, after byte " + std::to_string(at));
      }
    }
  }
}};

const test::Test kRandom{"known messages: among any messages, good and broken, in both byte orders, each is read as if it were the first", [] {
  test::Random random;
  test::RandomMessages messages(random);
  test::SameReading reading;
  for (int i = 0; i < test::rounds(20'000); i++) {
    const std::string seed = std::string(random.seed()) + ", message " + std::to_string(i);
    for (const Message& message : random.one_in(2) ? ordinary(random) : std::vector<Message>{messages.valid()}) {
      check_same(reading, message, seed);
      check_same(reading, messages.changed(message), seed);
    }
  }
}};

const test::Test kNamed{"known messages: each of the named ones is read as before after each of the others", [] {
  const auto named = test::named_messages();
  for (const auto& first : named) {
    for (const auto& second : named) {
      test::SameReading reading;
      check_same(reading, first.bytes, first.file());
      check_same(reading, second.bytes, second.file());
      check_same(reading, first.bytes, first.file());
    }
  }
}};

const test::Test kOrders{"known messages: the same bytes in the other byte order are another message", [] {
  test::SameReading reading;
  Message message = test::unit_half("a.service", "active", "running").bytes();
  check_same(reading, message, "little");
  message[0] = 'B';
  // Lengths in the header that are themselves the other way round: what stands behind them means something else.
  for (const std::size_t at : {4u, 8u, 12u}) std::reverse(message.begin() + at, message.begin() + at + 4);
  check_same(reading, message, "big");
}};

const test::Test kItems{"known messages: what is remembered counts to the limit of array elements", [] {
  test::SameReading reading;
  // Each large one takes 3 s under a sanitizer: there one on each side of the limit.
  const std::vector<std::size_t> around = test::kSanitized ? std::vector<std::size_t>{1, 999'990, 1'000'000, 1}
                                                           : std::vector<std::size_t>{1, 999'990, 999'998, 999'999, 1'000'000, 1};
  for (const std::size_t elements : around) {
    MessageParts parts = test::unit_half("a.service", "active", "running");
    parts.body = [=](Wire& out) {
      out.str("org.freedesktop.systemd1.Unit");
      out.array(8, [&](Wire& dict) {
        dict.align(8).str("Empty").sig("ag").array(1, [&](Wire& list) { list.bytes.resize(list.bytes.size() + 2 * elements); });
      });
      out.array(4, [](Wire& list) { list.str("Conditions").str("Asserts"); });
    };
    check_same(reading, parts.bytes(), std::to_string(elements));
  }
}};

const test::Test kLong{"known messages: more properties than are remembered, and longer names, are read all the same", [] {
  test::SameReading reading;
  for (int round = 0; round < 3; round++) {
    std::vector<test::Text> texts;
    for (int i = 0; i < 60; i++) texts.emplace_back("Property" + std::to_string(i) + std::string(static_cast<std::size_t>(i), 'x'), "value");
    texts.emplace_back("ActiveState", "active");
    check_same(reading, test::properties_changed("a.service", "Unit", texts).bytes(), "round " + std::to_string(round));
  }
}};

}  // namespace
}  // namespace unitscope::dbus
