#include <atomic>
#include <thread>

#include "core/batch/symbol_table.h"
#include "core/ring/ring.h"
#include "harness.h"
#include "support/records.h"

namespace unitscope {
namespace {

using test::check;

constexpr std::uint32_t kRecords = 50'000;

struct Counts {
  std::uint64_t received = 0;
  std::uint64_t lost = 0;
  bool in_order = true;
};

/// One thread pushes kRecords, this one drains until it has met them all, received or lost.
Counts two_threads(Ring& ring) {
  std::atomic<bool> over{false};
  std::thread producer([&] {
    RecordWriter writer;
    for (std::uint32_t i = 1; i <= kRecords; i++) {
      (void)ring.push(writer.write(RecordKind::kUnitNew, {}, {.text = std::string(i % 300, 'x'), .value = i}));
    }
    over.store(true, std::memory_order_release);
  });
  Counts counts;
  std::vector<std::uint8_t> buffer(8192);
  while (true) {
    const bool last = over.load(std::memory_order_acquire);
    const std::size_t size = ring.drain_into(buffer);
    for (const auto& seen : test::records_in(Bytes(buffer).first(size))) {
      const bool lost = seen.header.kind == RecordKind::kLost;
      (lost ? counts.lost : counts.received) += lost ? seen.header.value : 1;
      counts.in_order = counts.in_order && (lost || seen.header.value == counts.received + counts.lost);
    }
    if (last && size == 0) break;
    if (size == 0) std::this_thread::yield();
  }
  producer.join();
  return counts;
}

void adds_up(Overflow overflow, std::size_t max_records) {
  Ring ring({max_records, overflow});
  const Counts counts = two_threads(ring);
  test::equal(counts.received + counts.lost, kRecords);
  test::equal(ring.dropped(), counts.lost);
  test::equal(ring.pushed(), kRecords);
  check(counts.in_order, "in order");
  if (overflow == Overflow::kBlock) test::equal(counts.lost, 0u, "block loses nothing");
}

const test::Test kOldest{"threads: ring, drop_oldest: producer and consumer at once, every record is received or counted lost",
                         [] { adds_up(Overflow::kDropOldest, 16); }};
const test::Test kNewest{"threads: ring, drop_newest: producer and consumer at once, every record is received or counted lost",
                         [] { adds_up(Overflow::kDropNewest, 16); }};
const test::Test kBlock{"threads: ring, block: a producer that waits loses nothing", [] { adds_up(Overflow::kBlock, 16); }};

const test::Test kRelease{"threads: ring, block: close() frees a producer that waits, whenever it comes", [] {
  for (int round = 0; round < 200; round++) {
    Ring ring({1, Overflow::kBlock});
    std::thread producer([&] {
      RecordWriter writer;
      for (int i = 0; i < 3; i++) (void)ring.push(writer.write(RecordKind::kUnitNew, {}));
    });
    if (round % 2 == 0) std::this_thread::yield();
    ring.close();
    producer.join();
    test::equal(ring.pushed(), 3u);
  }
}};

const test::Test kSymbols{"threads: symbols are readable by any thread as soon as their id is known", [] {
  SymbolTable table;
  constexpr std::size_t kNew = 1000;
  std::thread writer([&] {
    for (std::size_t i = 2; i < kNew; i++) (void)table.intern("state-" + std::to_string(i));
  });
  for (std::size_t known = 0; known < kNew;) {
    const std::size_t count = table.count();
    for (; known < count; known++) {
      if (known >= 2) test::equal(table.text(static_cast<Symbol>(known)), "state-" + std::to_string(known));
    }
  }
  writer.join();
}};

}  // namespace
}  // namespace unitscope
