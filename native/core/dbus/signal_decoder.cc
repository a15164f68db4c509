#include "core/dbus/signal_decoder.h"

#include <cstring>
#include <utility>

#include "core/dbus/wire_reader.h"

namespace unitscope::dbus {
namespace {

constexpr std::string_view kUnitPaths = "/org/freedesktop/systemd1/unit/";
constexpr std::string_view kManagerPath = "/org/freedesktop/systemd1";
constexpr std::string_view kManager = "org.freedesktop.systemd1.Manager";
constexpr std::string_view kSystemd = "org.freedesktop.systemd1";
constexpr std::string_view kDriver = "org.freedesktop.DBus";
constexpr std::string_view kProperties = "org.freedesktop.DBus.Properties";

WireReader body_of(const Message& message) noexcept {
  return {message.bytes, message.frame.order, message.frame.header_bytes()};
}

/// The rejection of a body that was read to where it should end, if any.
Result<void, Rejection> finish(WireReader& in) noexcept {
  if (in.ok() && !in.at_end()) in.reject(Reason::kBodyTooLong);
  if (!in.ok()) return fail(in.rejection());
  return {};
}

Failure<Rejection> wrong_signature(const Message& message) noexcept {
  return fail(Rejection{Reason::kSignalSignature, message.frame.header_bytes()});
}

bool is_unit_change(const Message& message) noexcept {
  return message.path.starts_with(kUnitPaths) && message.member == "PropertiesChanged" &&
         message.interface == kProperties;
}
bool is_manager(const Message& message) noexcept {
  return message.interface == kManager && message.path == kManagerPath;
}
bool is_owner_change(const Message& message) noexcept {
  return message.interface == kDriver && message.member == "NameOwnerChanged" && message.sender == kDriver;
}

}  // namespace

SignalDecoder::SignalDecoder(UnitFilter filter, SymbolTable& symbols, SourceCounters& counters)
    : filter_(std::move(filter)),
      symbols_(symbols),
      counters_(counters),
      failed_(symbols.intern("failed")),
      auto_restart_(symbols.intern("auto-restart")) {}

Result<void, Rejection> SignalDecoder::decode(const Message& message, const RecordTimes& times, RecordSink& sink) {
  if (!message.is(MessageType::kSignal)) return {};
  const bool unit_change = is_unit_change(message);
  const bool manager = !unit_change && is_manager(message);
  const bool owner = !unit_change && !manager && is_owner_change(message);
  if (!unit_change && !manager && !owner) return {};
  if (!message.destination.empty()) return refuse(Reason::kUnicastSignal);
  if (unit_change) return decode_properties(message, times, sink);
  return manager ? decode_manager(message, times, sink) : decode_owner(message, times, sink);
}

Result<void, Rejection> SignalDecoder::decode_properties(const Message& message, const RecordTimes& times,
                                                         RecordSink& sink) {
  UnitNameBuffer buffer;
  const auto name = unit_name_of(message.path.substr(kUnitPaths.size()), buffer);
  if (!name) return refuse(Reason::kUnitName);
  if (!filter_.passes(*name)) {
    counters_.filtered.add();
    return {};
  }
  counters_.matched.add();
  if (message.signature != "sa{sv}as") return wrong_signature(message);
  WireReader in = body_of(message);
  const std::size_t interface = interface_of(in.read_string());
  if (interface == kNoInterface) {
    in.skip("a{sv}as", 0);
    counters_.suppressed.add();
    return finish(in);
  }
  const bool completes = interface == kUnitInterface && held_ != nullptr && held_->name == *name;
  if (!completes) flush(sink);
  Unit& unit = completes ? *held_ : entry_of(*name, sink);
  const UnitState before = unit.state;
  readers_[interface].read(in, symbols_, unit.state);
  if (auto done = finish(in); !done) {
    unit.state = before;  // and a half that is held stays so
    return done;
  }
  if (std::memcmp(&before, &unit.state, sizeof before) != 0) unit.told_in = 0;
  if (completes) held_ = nullptr;
  if (interface == kUnitInterface) {
    tell(unit, times, completes ? 2 : 1, sink);
  } else {
    held_ = &unit;
    holds_++;
    held_times_ = times;
  }
  return {};
}

Result<void, Rejection> SignalDecoder::decode_manager(const Message& message, const RecordTimes& times,
                                                      RecordSink& sink) {
  const std::string_view member = message.member, signature = message.signature;
  WireReader in = body_of(message);
  if (member == "UnitNew" || member == "UnitRemoved") {
    if (signature != "so") return wrong_signature(message);
    const std::string_view unit = in.read_string();
    (void)in.read_path();
    if (auto done = finish(in); !done) return done;
    const auto kind = member == "UnitNew" ? RecordKind::kUnitNew : RecordKind::kUnitRemoved;
    unit_event(kind, unit, {}, times, sink);
  } else if (member == "JobNew" || member == "JobRemoved") {
    const bool removed = member == "JobRemoved";
    if (signature != (removed ? "uoss" : "uos")) return wrong_signature(message);
    const std::uint32_t job = in.read_u32();
    (void)in.read_path();
    const std::string_view unit = in.read_string();
    const std::string_view result = removed ? in.read_string() : std::string_view{};
    if (auto done = finish(in); !done) return done;
    unit_event(removed ? RecordKind::kJobRemoved : RecordKind::kJobNew, unit,
               {.value = job, .symbol = symbols_.intern(result)}, times, sink);
  } else if (member == "Reloading") {
    if (signature != "b") return wrong_signature(message);
    const bool begins = in.read_bool();
    if (auto done = finish(in); !done) return done;
    reloading_ = begins;
    emit(RecordKind::kReloading, times, {.value = begins}, sink);
  } else if (member == "UnitFilesChanged") {
    if (!signature.empty()) return wrong_signature(message);
    emit(RecordKind::kUnitFilesChanged, times, {}, sink);
  }
  return {};
}

Result<void, Rejection> SignalDecoder::decode_owner(const Message& message, const RecordTimes& times,
                                                    RecordSink& sink) {
  if (message.signature != "sss") return wrong_signature(message);
  WireReader in = body_of(message);
  const std::string_view name = in.read_string();
  (void)in.read_string();
  const std::string_view owner = in.read_string();
  if (auto done = finish(in); !done) return done;
  if (name != kSystemd) return {};
  // PID 1 died or hands over: a reload under way will not be told as ended by it.
  if (owner.empty()) reloading_ = false;
  emit(RecordKind::kOwnerChanged, times, {.value = !owner.empty()}, sink);
  return {};
}

void SignalDecoder::unit_event(RecordKind kind, std::string_view name, RecordFields fields, const RecordTimes& times,
                               RecordSink& sink) {
  if (!is_unit_name(name)) {
    (void)refuse(Reason::kUnitName);
    return;
  }
  const bool announcement = kind == RecordKind::kUnitNew || kind == RecordKind::kUnitRemoved;
  if (!(announcement ? filter_.passes_announcement(name) : filter_.passes(name))) return counters_.filtered.add();
  counters_.matched.add();
  Unit* const unit = units_.find(name);
  fields.text = name;
  if (unit != nullptr) fields.unit = unit->ref;
  emit(kind, times, fields, sink);
  // A reload removes and re-creates every unit without a change of state: its last state stays true.
  if (kind == RecordKind::kUnitRemoved && !reloading_ && unit != nullptr) {
    units_.remove(*unit);
    counters_.units.set(units_.size());
  }
}

void SignalDecoder::emit(RecordKind kind, const RecordTimes& times, const RecordFields& fields, RecordSink& sink) {
  if (kind != RecordKind::kUnitChanged) flush(sink);
  sink.take(writer_.write(kind, times, fields), fields.urgent);
}

Unit& SignalDecoder::entry_of(std::string_view name, RecordSink& sink) {
  Unit* unit = units_.find_or_add(name);
  if (unit == nullptr) {
    // Full: begin anew. Signals carry whole states, so this costs repeats, never a wrong state.
    flush(sink);
    units_.clear();
    unit = units_.find_or_add(name);
  }
  counters_.units.set(units_.size());
  if (unit->state.known == 0) counters_.unit_bytes.set(units_.bytes());
  return *unit;
}

void SignalDecoder::tell(Unit& unit, const RecordTimes& times, int messages, RecordSink& sink) {
  if (units_.told(unit)) return counters_.suppressed.add(static_cast<std::uint64_t>(messages));
  units_.set_told(unit);
  const UnitState& state = unit.state;
  const bool urgent = state.active_state == failed_ || state.sub_state == auto_restart_;
  emit(RecordKind::kUnitChanged, times, {.text = unit.name, .unit = unit.ref, .state = &state, .urgent = urgent}, sink);
}

void SignalDecoder::flush(RecordSink& sink) {
  if (held_ == nullptr) return;
  tell(*std::exchange(held_, nullptr), held_times_, 1, sink);
}

Result<void, Rejection> SignalDecoder::refuse(Reason reason) noexcept {
  counters_.rejected[static_cast<std::size_t>(reason)].add();
  return {};
}

}  // namespace unitscope::dbus
