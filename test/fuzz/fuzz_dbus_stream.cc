// Bytes of a bus, from framer to records. What must hold for any input: however the bytes are cut, the same records come out
// and the same end; the end is final; records are whole, bounded and without control bytes in their names.
// The first byte of the input says how the rest is cut.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/dbus/names.h"
#include "core/dbus/signal_stream.h"
#include "dbus_mutator.h"
#include "require.h"
#include "support/records.h"
#include "target.h"

namespace {

using namespace unitscope;

struct Run {
  std::vector<std::uint8_t> records;
  std::optional<dbus::Rejection> end;
};

struct Keep final : RecordSink {
  void take(Bytes record, bool) override { out.insert(out.end(), record.begin(), record.end()); }
  std::vector<std::uint8_t> out;
};

/// Sizes of chunks that follow from a byte: below 128 all the same, above it a mixture of small ones and large ones.
auto cuts_of(std::uint8_t how) {
  return [how, state = std::uint32_t{how}]() mutable -> std::size_t {
    if (how < 128) return 1 + how;
    state = state * 1664525 + 1013904223;  // Numerical Recipes' generator: its upper bits are good enough
    return 1 + (state >> 24) % ((state >> 20) % 2 == 0 ? 4 : 256);
  };
}

/// Feeds the bytes in chunks of the sizes that `next_size` gives, each a copy of exact size.
template <typename NextSize>
Run feed(Bytes bytes, NextSize next_size) {
  SymbolTable symbols;
  dbus::SourceCounters counters;
  dbus::SignalStream stream({{"a*", "*.service", "[!x]*"}, {"b.service"}, {}}, symbols, counters);
  Keep keep;
  Run run;
  while (!bytes.empty()) {
    const Bytes part = bytes.first(std::min(next_size(), bytes.size()));
    bytes = bytes.subspan(part.size());
    const std::vector<std::uint8_t> exact(part.begin(), part.end());
    const auto fed = stream.feed(exact, {}, keep);
    require(!run.end || !fed.ok());
    if (fed.ok()) continue;
    require(!run.end || (run.end->reason == fed.error().reason && run.end->offset == fed.error().offset));
    run.end = fed.error();
  }
  stream.decoder().flush(keep);
  require(counters.buffered.read() <= 2 * dbus::Framer::kHeldBytes);
  run.records = std::move(keep.out);
  return run;
}

void require_sound(Bytes records) {
  std::size_t seen = 0;
  for (const auto& record : test::records_in(records)) {
    seen += record.header.size;
    require(record.header.size % 8 == 0 && record.header.size <= kMaxRecordBytes);
    require(record.header.kind >= RecordKind::kUnitChanged && record.header.kind <= RecordKind::kUnitFilesChanged);
    require(record.text.empty() || dbus::is_unit_name(record.text));
    require(record.text != "b.service");
  }
  require(seen == records.size());
}

void run(Bytes input) {
  if (input.empty()) return;
  const Bytes bytes = input.subspan(1);
  const Run whole = feed(bytes, [&] { return bytes.size(); });
  const Run cut = feed(bytes, cuts_of(input[0]));
  require(whole.records == cut.records);
  require(whole.end.has_value() == cut.end.has_value());
  if (whole.end) require(whole.end->reason == cut.end->reason && whole.end->offset == cut.end->offset);
  require_sound(whole.records);
}

std::size_t mutate(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed, fuzz::Mutate any) {
  if (size < 2 || seed % 16 == 0) return any(data, size, max_size);
  return 1 + fuzz::mutate_message(data + 1, size - 1, max_size - 1, seed / 16, any);
}

const fuzz::Register kTarget{{"dbus_stream", run, mutate}};

}  // namespace
