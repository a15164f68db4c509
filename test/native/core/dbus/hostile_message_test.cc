#include <algorithm>
#include <string>

#include "harness.h"
#include "support/systemd_signals.h"
#include "support/told.h"

// Any user of a machine may send any other connection of its system bus a signal, past the match rules. None of them may cost
// more than itself: not the connection, not memory.

namespace unitscope::dbus {
namespace {

using test::Fill;
using test::MessageParts;
using test::Told;
using test::Wire;

const Fill kLongString = [](Wire& out) { out.str(std::string(1'100'000, 'a')); };

/// A signal of nobody's, to one connection alone.
MessageParts unicast(std::string signature = "", Fill body = {}) {
  MessageParts parts;
  parts.fields = {MessageParts::path("/x"), MessageParts::interface("x.y"), MessageParts::member("Z"),
                  MessageParts::destination(":1.7")};
  parts.signature = std::move(signature);
  parts.body = std::move(body);
  return parts;
}

/// Feeds `hostile` between two changes, cut into chunks of 64 KiB as a socket would.
void feed_between(const MessageParts& hostile, Told& told) {
  const auto all = test::joined({test::unit_half("a.service", "active", "running"), hostile,
                                 test::unit_half("b.service", "active", "running")});
  for (Bytes rest = all; !rest.empty();) {
    const Bytes chunk = rest.first(std::min<std::size_t>(rest.size(), 65'536));
    told.feed(chunk);
    rest = rest.subspan(chunk.size());
  }
}

void check_harmless(const MessageParts& hostile, std::string_view counted = "",
                    const std::source_location& at = std::source_location::current()) {
  Told told;
  feed_between(hostile, told);
  test::equal(told.words(), "a.service:active/running//0 | b.service:active/running//0", counted, at);
  test::equal(told.all_rejected(), counted, "", at);
  test::equal(told.counters.messages.read(), 3u, "", at);
}

const test::Test kLimits{"hostile: a message over a limit of ours costs itself alone, and is counted by that limit", [] {
  const auto huge = [](Wire& out) { out.array(1, [](Wire& list) { list.bytes.resize(list.bytes.size() + (3u << 20)); }); };
  check_harmless(unicast("ay", huge), "message_size");
  MessageParts path = unicast();
  path.fields[0] = MessageParts::path("/" + std::string(70'000, 'x'));
  check_harmless(path, "path_size");
  MessageParts field = unicast();
  field.fields.push_back({200, "s", kLongString});
  check_harmless(field, "string_size");
  field.fields.back() = {200, "ag", [](Wire& out) { out.u32(2'000'002).bytes.resize(out.bytes.size() + 2'000'002); }};
  check_harmless(field, "array_items");
  field.fields.back() = {200, "v", [](Wire& out) {
                           for (int i = 0; i < 70; i++) out.sig(i < 69 ? "v" : "y");
                           out.u8(1);
                         }};
  check_harmless(field, "depth");
}};

const test::Test kBodies{"hostile: the body of a message that is none of ours is never looked at", [] {
  check_harmless(unicast("s", kLongString));
  const Fill nonsense = [](Wire& out) { out.u64(UINT64_MAX).u64(UINT64_MAX); };
  check_harmless(unicast("as", nonsense));
  MessageParts call = unicast("as", nonsense);
  call.type = 1;
  check_harmless(call);
  MessageParts forged = test::unit_half("a.service", "failed", "failed");
  forged.fields.push_back(MessageParts::destination(":1.7"));
  forged.body = nonsense;
  check_harmless(forged, "unicast_signal");
  check_harmless(test::manager_signal("Later", "as", nonsense));
}};

const test::Test kLimitOfOurs{"hostile: a change over a limit of ours is left out whole, and the half before it is still told", [] {
  MessageParts over = test::properties_changed("a.service", "Unit", {{"ActiveState", "failed"}, {"Later", std::string(1'100'000, 'x')}});
  Told told;
  told.feed({test::service_half("a.service", "success", 3), over, test::unit_half("b.service", "active", "running")});
  test::equal(told.words(), "a.service://success/3 | b.service:active/running//0");
  test::equal(told.all_rejected(), "string_size");
}};

const test::Test kMemory{"hostile: the largest message the specification allows is never held, whole or in parts", [] {
  MessageParts huge = unicast("ay", [](Wire& out) { out.u32(1); });
  constexpr std::size_t kBody = 64u << 20;
  huge.extra_body_bytes = kBody - 4;
  const std::vector<std::uint8_t> start = huge.bytes(), chunk(1u << 20);
  Told told;
  told.feed(start);
  for (std::size_t sent = 4; sent < kBody;) {
    const std::size_t size = std::min(chunk.size(), kBody - sent);
    told.feed(Bytes(chunk).first(size));
    test::check(told.counters.buffered.read() < 4096, "nothing of it is kept");
    sent += size;
  }
  told.feed({test::unit_half("a.service", "active", "running")});
  test::equal(told.words(), "a.service:active/running//0");
  test::equal(told.all_rejected(), "message_size");
}};

const test::Test kGrowth{"hostile: a message that is held is counted in the memory of its source, and gives it back", [] {
  const auto bytes = unicast("s", kLongString).bytes();
  Told told;
  told.feed(Bytes(bytes).first(1'000'000));
  test::check(told.counters.buffered.read() >= 1'000'000, "held");
  told.feed(Bytes(bytes).subspan(1'000'000)).feed({test::unit_half("a.service", "active", "running")});
  test::check(told.counters.buffered.read() <= Framer::kKeptBytes, "given back");
}};

}  // namespace
}  // namespace unitscope::dbus
