#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "core/dbus/signal_stream.h"
#include "core/ring/ring.h"
#include "harness.h"
#include "support/systemd_signals.h"

// Every allocation of this program is counted; no other file of it may replace these operators.
namespace {
std::atomic<std::size_t> allocations{0};
std::atomic<std::size_t> live_bytes{0};
}  // namespace

void* operator new(std::size_t size) {
  void* const memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  allocations++;
  live_bytes += malloc_usable_size(memory);
  return memory;
}
void operator delete(void* memory) noexcept {
  live_bytes -= malloc_usable_size(memory);
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept { ::operator delete(memory); }
// By default these call the ones above, but not in a sanitizer's runtime.
void* operator new[](std::size_t size) { return ::operator new(size); }
void operator delete[](void* memory) noexcept { ::operator delete(memory); }
void operator delete[](void* memory, std::size_t) noexcept { ::operator delete(memory); }

namespace unitscope::dbus {
namespace {

using test::check;

/// Takes records as a reader's ring does.
struct RingSink final : RecordSink {
  void take(Bytes record, bool) override { (void)ring.push(record); }
  Ring ring{RingOptions{}};
};

/// Of the first unit; all have as many digits.
constexpr std::size_t kFirst = 10'000;
std::string name_of(std::size_t i) { return "payments-worker@" + std::to_string(kFirst + i) + ".service"; }

/// What systemd sends when unit `i` changes, all of it in one chunk.
std::vector<std::uint8_t> change(std::size_t i, const char* sub) {
  return test::joined({test::service_half(name_of(i), "success", 1), test::unit_half(name_of(i), "active", sub),
                       test::job_removed(name_of(i), "done")});
}

const test::Test kMemory{"memory: the last states of 10,000 units take less than 1 KB each, and the table knows how much", [] {
  constexpr std::size_t kUnits = 10'000;
  SymbolTable symbols;
  SourceCounters counters;
  RingSink sink;
  const auto model = change(0, "running");
  const std::size_t before = live_bytes;
  SignalStream stream({{}, {}, {}}, symbols, counters);
  for (std::size_t i = 0; i < kUnits; i++) {
    check(stream.feed(test::renamed(model, std::to_string(kFirst), std::to_string(kFirst + i)), {}, sink).ok());
  }
  const std::size_t grown = live_bytes - before;
  test::equal(counters.units.read(), kUnits);
  check(grown < kUnits * 1024, std::to_string(grown / kUnits) + " bytes a unit");
  // The allocator rounds up, a little.
  const std::size_t counted = counters.unit_bytes.read();
  check(counted <= grown && grown - counted < grown / 50, std::to_string(counted) + " of " + std::to_string(grown));
}};

const test::Test kSteady{"memory: once a unit and its states are known, no message allocates, told or not, cut or whole", [] {
  SymbolTable symbols;
  SourceCounters counters;
  SignalStream stream({{"payments-*"}, {"nothing-*"}, {"service"}}, symbols, counters);
  RingSink sink;
  std::vector<std::uint8_t> out(64 * 1024);
  std::vector<std::uint8_t> bytes;
  for (const char* const sub : {"running", "dead", "dead"}) {
    for (std::size_t i = 0; i < 100; i++) {
      const auto part = change(i, sub);
      bytes.insert(bytes.end(), part.begin(), part.end());
    }
  }
  // A transient unit comes and goes.
  const auto transient = test::joined({test::unit_signal("UnitNew", "payments-once.service"), test::unit_half("payments-once.service", "active", "running"),
                                       test::unit_signal("UnitRemoved", "payments-once.service")});
  bytes.insert(bytes.end(), transient.begin(), transient.end());
  const auto feed_all = [&](std::size_t chunk) {
    for (Bytes left = bytes; !left.empty(); left = left.subspan(std::min(chunk, left.size()))) {
      check(stream.feed(left.first(std::min(chunk, left.size())), {}, sink).ok());
    }
    while (sink.ring.drain_into(out) > 0) {
    }
  };
  feed_all(1000);
  const std::size_t messages = counters.messages.read(), records = sink.ring.pushed();
  const std::size_t before = allocations;
  for (const std::size_t chunk : {std::size_t{1000}, std::size_t{77}, bytes.size()}) feed_all(chunk);
  test::equal(allocations - before, 0u);
  test::equal(counters.messages.read() - messages, 3 * messages, "it did take them");
  test::equal(sink.ring.pushed() - records, 3 * records);
}};

}  // namespace
}  // namespace unitscope::dbus
