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
#include "require.h"
#include "support/records.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

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

/// Feeds the bytes in chunks of `chunk`, each a copy of exact size.
Run feed(Bytes bytes, std::size_t chunk) {
  SymbolTable symbols;
  dbus::SourceCounters counters;
  dbus::SignalStream stream({{"a*", "*.service", "[!x]*"}, {"b.service"}, {}}, symbols, counters);
  Keep keep;
  Run run;
  for (; !bytes.empty(); bytes = bytes.subspan(std::min(chunk, bytes.size()))) {
    const Bytes part = bytes.first(std::min(chunk, bytes.size()));
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes bytes(data + 1, size - 1);
  const Run whole = feed(bytes, bytes.size());
  const Run cut = feed(bytes, 1 + data[0]);
  require(whole.records == cut.records);
  require(whole.end.has_value() == cut.end.has_value());
  if (whole.end) require(whole.end->reason == cut.end->reason && whole.end->offset == cut.end->offset);
  require_sound(whole.records);
  return 0;
}

/// Nearly every change of a length ends a stream in its header. Half of the time the first message gets the body length that
/// it has, so that what lies behind the header is met as well.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 2 == 0 || size < 1 + dbus::kFixedHeaderBytes) return size;
  std::uint8_t* const message = data + 1;
  const auto order = message[0] == 'B' ? ByteOrder::kBig : ByteOrder::kLittle;
  const std::size_t header = (dbus::kFixedHeaderBytes + std::size_t{load<std::uint32_t>(message + 12, order)} + 7) / 8 * 8;
  if (header > size - 1) return size;
  const std::size_t body = size - 1 - header;
  for (std::size_t i = 0; i < 4; i++) {
    message[4 + i] = static_cast<std::uint8_t>(body >> (8 * (order == ByteOrder::kLittle ? i : 3 - i)));
  }
  return size;
}
