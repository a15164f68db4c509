#include "core/batch/batch_window.h"

#include <string>
#include <vector>

#include "core/batch/read_window.h"
#include "harness.h"

namespace unitscope {
namespace {

using test::check;

constexpr std::uint64_t kMs = 1'000'000;

/// A day at the reader's place, in virtual time: signals come, are read, and announced.
struct Day {
  explicit Day(std::uint64_t timeout_ns) : window(timeout_ns), batch({.max_records = 1000, .timeout_ns = timeout_ns}) {}

  /// `count` records, `gap_ns` apart. The reader wakes for the first that is there and reads all that is.
  void run(std::size_t count, std::uint64_t gap_ns) {
    std::vector<std::uint64_t> come;
    for (std::size_t i = 0; i < count; i++) come.push_back(now + (i + 1) * gap_ns);
    for (std::size_t next = 0; next < count;) {
      std::uint64_t since = gathering_since;
      if (since == 0) {
        const auto deadline = batch.deadline();
        if (deadline && *deadline < come[next]) announce(std::max(now, *deadline));
        since = now = std::max(now, come[next]);
      }
      std::size_t messages = 0;
      for (; next < count && come[next] <= now; next++, messages++) {
        waiting.push_back(come[next]);
        if (batch.add(200, false, since)) announce(now);
      }
      reads++;
      batch.after_read(messages, now);
      if (const auto deadline = batch.deadline(); deadline && *deadline <= now) announce(now);
      const std::uint64_t sleep = window.after_read(messages, now);
      gathering_since = sleep > 0 ? now : 0;
      if (sleep > 0) now = std::min(now + sleep, batch.deadline().value_or(UINT64_MAX));
    }
    if (const auto deadline = batch.deadline()) announce(std::max(now, *deadline));
  }
  void announce(std::uint64_t at) {
    for (const std::uint64_t came : waiting) longest = std::max(longest, at - came), told++;
    waiting.clear();
    batch.announced();
    wakes++;
  }

  std::uint64_t now = 1'000 * kMs;
  std::uint64_t gathering_since = 0;
  std::uint64_t longest = 0;
  std::size_t reads = 0, wakes = 0, told = 0;
  ReadWindow window;
  BatchWindow batch;
  std::vector<std::uint64_t> waiting;
};

const test::Test kRates{"batch window: none waits where few come, and where many come they share wake-ups within the time", [] {
  struct Case {
    std::uint64_t timeout_ms;
    std::uint64_t per_second;
    std::uint64_t longest_us;       // at most
    std::size_t wakes_per_hundred;  // at most, of records
  };
  // From 12 in half of the time on half of it is waited.
  for (const Case& each : {Case{4, 350, 0, 100}, Case{4, 1000, 0, 100}, Case{4, 2000, 4000, 15}, Case{4, 5000, 4000, 8},
                           Case{4, 10'000, 2000, 8}, Case{4, 100'000, 2000, 2}, Case{2, 2000, 0, 100}, Case{2, 10'000, 2000, 8},
                           Case{0, 100'000, 0, 100}, Case{100, 20, 0, 100}, Case{100, 200, 100'000, 10},
                           Case{100, 10'000, 50'000, 2}, Case{10'000, 10'000, 1'000'000, 1}}) {
    Day day(each.timeout_ms * kMs);
    day.run(each.per_second, 1'000'000'000 / each.per_second);
    check(day.longest <= each.timeout_ms * kMs, "before the rate is known");
    day.longest = 0;
    day.run(each.per_second, 1'000'000'000 / each.per_second);
    const std::string name = std::to_string(each.timeout_ms) + " ms at " + std::to_string(each.per_second);
    test::equal(day.told, each.per_second * 2, name);
    check(day.longest <= each.longest_us * 1000, name + ": waited " + std::to_string(day.longest / 1000) + " us");
    check(day.wakes * 100 <= each.wakes_per_hundred * day.told, name + ": woke " + std::to_string(day.wakes) + " times");
  }
}};

const test::Test kLeading{"batch window: the first record after a pause never waits, and a pause costs no reads", [] {
  Day day(2 * kMs);
  day.run(2000, kMs / 10);
  const std::size_t reads = day.reads, wakes = day.wakes;
  day.longest = 0;
  day.now += 1000 * kMs;
  day.run(1, kMs);
  test::equal(day.longest, 0u);
  check(day.reads <= reads + 2, "one that finds nothing, one that finds it");
  test::equal(day.wakes, wakes + 1);
}};

const test::Test kFull{"batch window: it is full by number or by bytes; what is urgent takes all along", [] {
  BatchWindow batch({.max_records = 3, .timeout_ns = 1000 * kMs});
  for (std::uint64_t i = 0; i < 100; i++) {
    (void)batch.add(8, false, i);
    batch.after_read(1, i * kMs);  // a busy stream
  }
  batch.announced();
  check(!batch.deadline(), "nothing to announce");
  check(!batch.add(8, false, 7 * kMs) && !batch.add(8, false, 8 * kMs));
  test::equal(*batch.deadline(), 507 * kMs, "counted from the oldest; half, for it brings enough");
  check(batch.add(8, false, 9 * kMs), "the third");
  batch.announced();
  check(batch.add(BatchWindow::kMaxBytes, false, 0));
  batch.announced();
  check(!batch.add(8, false, 7 * kMs) && !batch.add(8, true, 8 * kMs));
  test::equal(*batch.deadline(), 0u, "now");
  batch.announced();
  (void)batch.add(8, false, 9 * kMs);
  test::equal(*batch.deadline(), 509 * kMs, "the next waits again");
}};

}  // namespace
}  // namespace unitscope
