#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/batch/record_writer.h"
#include "core/batch/symbol_table.h"
#include "core/dbus/message.h"
#include "core/dbus/source_counters.h"
#include "core/dbus/unit_filter.h"
#include "core/dbus/unit_properties.h"
#include "core/dbus/unit_table.h"

namespace unitscope::dbus {

/// Turns systemd's signals into records: filters by unit before a body is touched, merges the two signals of one change,
/// and drops what says nothing new (systemd sends each state about five times).
///
/// systemd tells a change as a pair, S (the type's interface) and right after it U (the Unit interface), each with the
/// whole set of its properties. S is merged and held; U completes the state, and one record goes out if it differs from
/// the last one told. An S whose U is not the next message that passes the filter goes out by itself.
///
/// A body is checked wholly before anything of it goes out; the body of a message that is none of systemd's, or that the
/// filter refuses, is never looked at.
/// One thread; no allocation once a unit is known.
class SignalDecoder {
 public:
  SignalDecoder(UnitFilter filter, SymbolTable& symbols, SourceCounters& counters);

  /// Takes one message, or says what is wrong with it.
  [[nodiscard]] Result<void, Rejection> decode(const Message& message, const RecordTimes& times, RecordSink& sink);

  /// The number of the S being held, 0 for none; another S has another number, so its age can be told.
  [[nodiscard]] std::uint64_t holding() const noexcept { return held_ == nullptr ? 0 : holds_; }
  /// Lets a held S go: at the end of a stream, or when its U is overdue.
  void flush(RecordSink& sink);
  /// The next signal of each unit goes out even if it says nothing new.
  void forget() noexcept { units_.forget(); }

 private:
  using Outcome = Result<void, Rejection>;

  Outcome decode_properties(const Message& message, const RecordTimes& times, RecordSink& sink);
  Outcome decode_manager(const Message& message, const RecordTimes& times, RecordSink& sink);
  Outcome decode_owner(const Message& message, const RecordTimes& times, RecordSink& sink);
  void unit_event(RecordKind kind, std::string_view name, RecordFields fields, const RecordTimes& times, RecordSink& sink);
  void emit(RecordKind kind, const RecordTimes& times, const RecordFields& fields, RecordSink& sink);
  Unit& entry_of(std::string_view name, RecordSink& sink);
  /// Sends the unit's state if it was not told yet; `messages` made it.
  void tell(Unit& unit, const RecordTimes& times, int messages, RecordSink& sink);
  Outcome refuse(Reason reason) noexcept;

  UnitFilter filter_;
  SymbolTable& symbols_;
  SourceCounters& counters_;
  UnitTable units_;
  std::array<PropertyReader, kInterfaces> readers_;
  RecordWriter writer_;
  Unit* held_ = nullptr;
  RecordTimes held_times_;
  std::uint64_t holds_ = 0;
  bool reloading_ = false;
  Symbol failed_;
  Symbol auto_restart_;
};

}  // namespace unitscope::dbus
