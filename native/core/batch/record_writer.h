#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/base/bytes.h"
#include "core/batch/layout.h"

namespace unitscope {

/// When the bytes of a record's message were read.
struct RecordTimes {
  std::uint64_t realtime_ns = 0;
  std::uint64_t boottime_ns = 0;
};

/// What a record says besides its kind and times.
struct RecordFields {
  std::string_view text = {};
  UnitRef unit = {};
  std::uint32_t value = 0;
  Symbol symbol = 0;
  const UnitState* state = nullptr;
  bool urgent = false;
};

/// Builds one record at a time in place; no allocation. The sequence number is the ring's to set.
class RecordWriter {
 public:
  /// The bytes are valid until the next call. Text over kMaxTextBytes is cut.
  [[nodiscard]] Bytes write(RecordKind kind, const RecordTimes& times, const RecordFields& fields = {}) noexcept;

 private:
  alignas(8) std::array<std::uint8_t, kMaxRecordBytes> bytes_;
};

/// Where records go. Called on the thread that feeds the source.
class RecordSink {
 public:
  virtual void take(Bytes record, bool urgent) = 0;

 protected:
  ~RecordSink() = default;
};

}  // namespace unitscope
