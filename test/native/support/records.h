#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "core/batch/record_writer.h"

namespace unitscope::test {

/// A record as the consumer sees it.
struct Seen {
  RecordHeader header;
  UnitState state;  // of unit_changed
  std::string text;
};

/// Takes whole records apart. What is no record ends the list.
inline std::vector<Seen> records_in(Bytes bytes) {
  std::vector<Seen> all;
  while (bytes.size() >= kHeaderBytes) {
    Seen seen;
    std::memcpy(&seen.header, bytes.data(), kHeaderBytes);
    if (seen.header.size < kHeaderBytes || seen.header.size > bytes.size()) break;
    std::size_t text_at = kHeaderBytes;
    if (seen.header.kind == RecordKind::kUnitChanged) {
      std::memcpy(&seen.state, bytes.data() + text_at, kStateBytes);
      text_at += kStateBytes;
    }
    seen.text.assign(reinterpret_cast<const char*>(bytes.data()) + text_at, seen.header.text_bytes);
    all.push_back(seen);
    bytes = bytes.subspan(seen.header.size);
  }
  return all;
}

/// Keeps what a decoder emits.
struct Collector final : RecordSink {
  void take(Bytes record, bool urgent) override {
    for (Seen& seen : records_in(record)) records.push_back(seen);
    urgents += urgent ? 1u : 0u;
  }
  std::vector<Seen> records;
  std::size_t urgents = 0;
};

}  // namespace unitscope::test
