#include "core/batch/record_buffer.h"

#include <algorithm>
#include <array>
#include <string>

#include "harness.h"
#include "support/records.h"

namespace unitscope {
namespace {

using test::check;

const test::Test kWriter{"records: sizes are multiples of 8, the padding is zero and text is cut at its limit", [] {
  RecordWriter writer;
  for (const std::size_t size : {0, 1, 7, 8, 9, 511, 512, 513, 100'000}) {
    const Bytes record = writer.write(RecordKind::kDisconnected, {.realtime_ns = 1, .boottime_ns = 2},
                                      {.text = std::string(size, 'r'), .urgent = true});
    test::equal(record.size() % 8, 0u);
    check(record.size() <= kMaxRecordBytes);
    const auto seen = test::records_in(record);
    test::equal(seen.size(), 1u);
    test::equal(seen[0].header.size, record.size());
    test::equal(seen[0].text, std::string(std::min(size, kMaxTextBytes), 'r'));
    test::equal(int(seen[0].header.flags), int(kUrgent));
    for (const std::uint8_t byte : record.subspan(kHeaderBytes + seen[0].text.size())) test::equal(int(byte), 0);
  }
}};

const test::Test kDrain{"record buffer: a small buffer gets whole records, oldest first, and none twice", [] {
  RecordBuffer buffer;
  RecordWriter writer;
  for (std::uint32_t i = 1; i <= 10; i++) {
    buffer.take(writer.write(RecordKind::kUnitNew, {}, {.text = std::string(i * 20, 'x'), .value = i}), false);
  }
  std::array<std::uint8_t, 300> out;
  test::equal(RecordBuffer().drain_into(out), 0u, "one that never held anything");
  std::uint32_t next = 1;
  while (const std::size_t size = buffer.drain_into(out)) {
    for (const auto& seen : test::records_in(Bytes(out).first(size))) {
      test::equal(seen.header.value, next);
      test::equal(seen.header.sequence, next++);
    }
  }
  test::equal(next, 11u);
  test::equal(buffer.records(), 10u);
  buffer.take(writer.write(RecordKind::kReloading, {}), false);
  test::equal(buffer.drain_into(out), kHeaderBytes, "goes on after it was empty");
  std::array<std::uint8_t, 8> tiny;
  buffer.take(writer.write(RecordKind::kReloading, {}), false);
  test::equal(buffer.drain_into(tiny), 0u, "a record never comes in parts");
  test::equal(buffer.drain_into(out), kHeaderBytes);
}};

}  // namespace
}  // namespace unitscope
