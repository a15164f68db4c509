#pragma once

#include <array>

#include "core/base/counter.h"
#include "core/dbus/reason.h"

namespace unitscope::dbus {

/// What a source has seen; written by its thread, read by any. Their meaning stands in src/binding/signal-source.ts.
struct SourceCounters {
  Counter bytes;
  Counter messages;
  Counter matched;
  Counter filtered;
  Counter suppressed;
  Counter units;
  /// Bytes of memory for their last states.
  Counter unit_bytes;
  /// Bytes of memory for a message of which a part is there.
  Counter buffered;
  std::array<Counter, kReasons> rejected;
};

}  // namespace unitscope::dbus
