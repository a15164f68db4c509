#include "core/ring/ring.h"

#include <array>
#include <string>

#include "harness.h"
#include "support/random.h"
#include "support/records.h"

namespace unitscope {
namespace {

using test::check;

Bytes record_of(RecordWriter& writer, std::uint32_t value, std::size_t text_bytes = 0) {
  static const std::string kText(kMaxTextBytes, 'x');
  return writer.write(RecordKind::kUnitNew, {.realtime_ns = value, .boottime_ns = 1000 + value},
                      {.text = std::string_view(kText).substr(0, text_bytes), .value = value});
}

/// `1 2 -3 6`: values of the records drained, `-N` for N lost.
std::string drained(Ring& ring, std::size_t buffer_bytes = 64 * 1024) {
  std::vector<std::uint8_t> buffer(buffer_bytes);
  std::string out;
  while (const std::size_t size = ring.drain_into(buffer)) {
    for (const auto& seen : test::records_in(Bytes(buffer).first(size))) {
      out += (out.empty() ? "" : " ") + std::string(seen.header.kind == RecordKind::kLost ? "-" : "") +
             std::to_string(seen.header.value);
    }
  }
  return out;
}

void push(Ring& ring, std::uint32_t first, std::uint32_t last) {
  RecordWriter writer;
  for (std::uint32_t value = first; value <= last; value++) (void)ring.push(record_of(writer, value));
}

const test::Test kOrder{"ring: what goes in comes out, in order, with numbers from 1", [] {
  Ring ring({4, Overflow::kDropOldest});
  test::equal(drained(ring), "");
  push(ring, 1, 3);
  std::array<std::uint8_t, 4096> buffer;
  const auto seen = test::records_in(Bytes(buffer).first(ring.drain_into(buffer)));
  test::equal(seen.size(), 3u);
  for (std::size_t i = 0; i < seen.size(); i++) test::equal(seen[i].header.sequence, i + 1);
  test::equal(ring.pushed(), 3u);
  test::equal(ring.dropped(), 0u);
}};

const test::Test kOldest{"ring: drop_oldest keeps the newest, and says at the front how many are missing", [] {
  Ring ring({3, Overflow::kDropOldest});
  push(ring, 1, 5);
  test::equal(drained(ring), "-2 3 4 5");
  push(ring, 6, 6);
  test::equal(drained(ring), "6", "a loss is told once");
  push(ring, 7, 100);
  test::equal(drained(ring), "-91 98 99 100");
  test::equal(ring.dropped(), 93u);
}};

const test::Test kNewest{"ring: drop_newest keeps the first, and says at the gap how many are missing", [] {
  Ring ring({3, Overflow::kDropNewest});
  push(ring, 1, 5);
  test::equal(drained(ring), "1 2 3 -2");
  push(ring, 6, 6);
  test::equal(drained(ring), "6");
  push(ring, 7, 100);
  push(ring, 101, 101);
  test::equal(drained(ring), "7 8 9 -92");
  test::equal(ring.dropped(), 94u);
}};

const test::Test kTimes{"ring: a lost record carries the time of the newest loss, and the number before the next record", [] {
  Ring ring({1, Overflow::kDropOldest});
  push(ring, 1, 5);
  std::array<std::uint8_t, 4096> buffer;
  const auto seen = test::records_in(Bytes(buffer).first(ring.drain_into(buffer)));
  test::equal(seen.size(), 2u);
  test::equal(seen[0].header.realtime_ns, 4u);
  test::equal(seen[0].header.boottime_ns, 1004u);
  test::equal(seen[0].header.sequence, 4u);
  test::equal(seen[1].header.sequence, 5u);
}};

const test::Test kBehind{"ring: a consumer that is behind is told of with each record, counted once until it has caught up", [] {
  Ring ring({10, Overflow::kDropNewest, 50});
  RecordWriter writer;
  std::array<std::uint8_t, kMaxRecordBytes> few;
  const auto told = [&](std::uint32_t count) {
    std::string out;
    for (std::uint32_t i = 0; i < count; i++) out += "qbd"[int(ring.push(record_of(writer, i, 100)))];
    return out;
  };
  test::equal(told(11), "qqqqbbbbbbd");
  test::equal(ring.queued(), 10u);
  test::equal(ring.behinds(), 1u);
  (void)ring.drain_into(few);  // four of 152 bytes
  test::equal(ring.queued(), 6u);
  test::equal(told(1), "b");
  test::equal(ring.behinds(), 1u, "not caught up in between");
  while (ring.drain_into(few) > 0) {
  }
  test::equal(ring.queued(), 0u);
  test::equal(told(5), "qqqqb");
  test::equal(ring.behinds(), 2u);
}};

const test::Test kNoRoom{"ring: whatever the threshold, a producer that may have to wait next has told so", [] {
  for (const std::size_t records : {1u, 2u, 3u, 5u, 40u}) {
    for (const std::size_t text : {0u, 1u, 100u, 511u, 512u}) {
      Ring ring({records, Overflow::kBlock, 100});
      RecordWriter writer;
      std::vector<std::uint8_t> out(kMaxRecordBytes);
      // Draining whenever told, as a reader does, it never waits: this ends.
      for (std::uint32_t i = 0; i < 1000; i++) {
        if (ring.push(record_of(writer, i, text)) == Pushed::kBehind) (void)ring.drain_into(out);
      }
      test::equal(ring.dropped(), 0u);
    }
  }
}};

const test::Test kClosed{"ring: after close() a full ring of policy block drops instead of waiting, and still drains", [] {
  Ring ring({2, Overflow::kBlock});
  push(ring, 1, 2);
  ring.close();
  push(ring, 3, 4);
  test::equal(drained(ring), "1 2 -2");
  test::equal(ring.dropped(), 2u);
}};

const test::Test kLast{"ring: the last record comes after all others and is never dropped", [] {
  Ring ring({2, Overflow::kDropNewest});
  push(ring, 1, 9);
  RecordWriter writer;
  ring.push_last(writer.write(RecordKind::kDisconnected, {}, {.text = "the bus closed", .value = 77}));
  test::equal(drained(ring, kMaxRecordBytes), "1 2 -7 77");
  test::equal(drained(ring), "", "once");
  test::equal(ring.pushed(), 10u);
}};

const test::Test kLimits{"ring: its size is bounded on both sides", [] {
  check(Ring({0, Overflow::kDropOldest}).capacity_bytes() >= 2 * kMaxRecordBytes, "at least one record of any size");
  Ring huge({SIZE_MAX, Overflow::kDropOldest});
  test::equal(huge.capacity_bytes(), Ring::kMaxRecords * Ring::kBytesPerRecord);
}};

/// Records of all sizes, bursts and drains of all lengths: order holds, and received + lost = pushed.
void random_use(Overflow overflow) {
  test::Random random;
  for (int round = 0; round < 200; round++) {
    Ring ring({1 + random.below(40), overflow});
    RecordWriter writer;
    std::uint64_t pushed = 0, received = 0, lost = 0, next = 1;
    std::vector<std::uint8_t> buffer(kMaxRecordBytes + random.below(4000));
    const auto drain = [&] {
      const std::size_t size = ring.drain_into(buffer);
      for (const auto& seen : test::records_in(Bytes(buffer).first(size))) {
        if (seen.header.kind == RecordKind::kLost) {
          lost += seen.header.value;
          next += seen.header.value;
          test::equal(seen.header.sequence, next - 1, random.seed());
          continue;
        }
        received++;
        test::equal(seen.header.value, next, random.seed());
        test::equal(seen.header.sequence, next++, random.seed());
        check(seen.text.find_first_not_of('x') == std::string::npos, random.seed());
      }
      return size;
    };
    for (int step = 0; step < 60; step++) {
      for (std::uint32_t burst = random.below(30); burst > 0; burst--) {
        const std::size_t text = random.one_in(4) ? random.below(kMaxTextBytes + 1) : random.below(60);
        (void)ring.push(record_of(writer, static_cast<std::uint32_t>(++pushed), text));
      }
      if (random.one_in(3)) drain();
    }
    while (drain() > 0) {
    }
    test::equal(received + lost, pushed, random.seed());
    test::equal(ring.pushed(), pushed, random.seed());
    test::equal(ring.dropped(), lost, random.seed());
  }
}

const test::Test kRandomOldest{"ring property: drop_oldest, received and lost add up to pushed, in order",
                               [] { random_use(Overflow::kDropOldest); }};
const test::Test kRandomNewest{"ring property: drop_newest, received and lost add up to pushed, in order",
                               [] { random_use(Overflow::kDropNewest); }};

}  // namespace
}  // namespace unitscope
