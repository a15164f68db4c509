#include "core/dbus/unit_properties.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace unitscope::dbus {
namespace {

struct Property {
  std::string_view name;
  std::string_view type;
  std::size_t offset;  // of the field in UnitState
};

// org.freedesktop.systemd1(5). The properties that PropertiesChanged carries and that say what a run did, in the order of
// the fields: a property's place here is its bit in UnitState::known.
constexpr auto kProperties = std::to_array<Property>({
    {"ActiveState", "s", offsetof(UnitState, active_state)},
    {"SubState", "s", offsetof(UnitState, sub_state)},
    {"Result", "s", offsetof(UnitState, result)},
    {"ConditionResult", "b", offsetof(UnitState, condition_result)},
    {"AssertResult", "b", offsetof(UnitState, assert_result)},
    {"Job", "(uo)", offsetof(UnitState, job_id)},
    {"MainPID", "u", offsetof(UnitState, main_pid)},
    {"ControlPID", "u", offsetof(UnitState, control_pid)},
    {"NRestarts", "u", offsetof(UnitState, n_restarts)},
    {"ExecMainPID", "u", offsetof(UnitState, exec_main_pid)},
    {"ExecMainCode", "i", offsetof(UnitState, exec_main_code)},
    {"ExecMainStatus", "i", offsetof(UnitState, exec_main_status)},
    {"InvocationID", "ay", offsetof(UnitState, invocation_id)},
    {"StateChangeTimestamp", "t", offsetof(UnitState, state_change_usec)},
    {"InactiveExitTimestamp", "t", offsetof(UnitState, inactive_exit_usec)},
    {"ActiveEnterTimestamp", "t", offsetof(UnitState, active_enter_usec)},
    {"ActiveExitTimestamp", "t", offsetof(UnitState, active_exit_usec)},
    {"InactiveEnterTimestamp", "t", offsetof(UnitState, inactive_enter_usec)},
    {"ExecMainStartTimestamp", "t", offsetof(UnitState, exec_main_start_usec)},
    {"ExecMainExitTimestamp", "t", offsetof(UnitState, exec_main_exit_usec)},
    {"LastTriggerUSec", "t", offsetof(UnitState, last_trigger_usec)},
    {"ConditionTimestamp", "t", offsetof(UnitState, condition_usec)},
});
static_assert(std::is_sorted(kProperties.begin(), kProperties.end(),
                             [](const Property& a, const Property& b) { return a.offset < b.offset; }));

// A perfect hash of the names: length and first letter tell them apart, which the assertion below proves. One array
// access and one comparison per property of a message.
constexpr std::size_t kSlots = 32 * 16;
constexpr std::size_t slot_of(std::string_view name) noexcept {
  return (static_cast<std::size_t>(name[0]) & 15) * 32 + (name.size() & 31);
}
constexpr auto kSlotTable = [] {
  std::array<std::uint8_t, kSlots> slots{};
  for (std::size_t i = 0; i < kProperties.size(); i++) slots[slot_of(kProperties[i].name)] = static_cast<std::uint8_t>(i + 1);
  return slots;
}();
static_assert(kSlots - static_cast<std::size_t>(std::count(kSlotTable.begin(), kSlotTable.end(), 0)) == kProperties.size(),
              "two properties share a slot");

/// In place of a place in the list: not on it.
constexpr std::uint8_t kUnlisted = 255;
static_assert(kProperties.size() <= kUnlisted);

const Property* find(std::string_view name, std::string_view type) noexcept {
  if (name.empty()) return nullptr;
  const std::size_t index = kSlotTable[slot_of(name)];
  if (index == 0) return nullptr;
  const Property& found = kProperties[index - 1];
  return found.name == name && found.type == type ? &found : nullptr;
}

template <typename T>
void store(UnitState& state, std::size_t offset, T value) noexcept {
  std::memcpy(reinterpret_cast<std::uint8_t*>(&state) + offset, &value, sizeof value);
}

void read_invocation_id(WireReader& in, std::uint8_t* out) noexcept {
  const Bytes id = in.read_bytes();
  // Empty until the unit's first start.
  std::memset(out, 0, sizeof(UnitState::invocation_id));
  if (id.size() == sizeof(UnitState::invocation_id)) std::memcpy(out, id.data(), id.size());
}

void read_value(WireReader& in, const Property& property, SymbolTable& symbols, UnitState& state) noexcept {
  switch (property.type[0]) {
    case 's': {
      const std::string_view text = in.read_string();
      Symbol before;
      std::memcpy(&before, reinterpret_cast<const std::uint8_t*>(&state) + property.offset, sizeof before);
      if (in.ok()) store(state, property.offset, symbols.intern(text, before));
      break;
    }
    case 't': store(state, property.offset, in.read_u64()); break;
    case 'b': store(state, property.offset, static_cast<std::uint8_t>(in.read_bool())); break;
    case 'a': read_invocation_id(in, state.invocation_id); break;
    case '(':
      in.align(8);
      store(state, property.offset, in.read_u32());
      (void)in.read_path();
      break;
    default: store(state, property.offset, in.read_u32());  // u and i: the same bits
  }
}

}  // namespace

std::size_t interface_of(std::string_view name) noexcept {
  constexpr std::string_view kPrefix = "org.freedesktop.systemd1.";
  constexpr std::array<std::string_view, kInterfaces> kNames{"Unit", "Service", "Socket", "Timer", "Mount",
                                                             "Path", "Scope",   "Swap",   "Automount"};
  static_assert(kNames[kUnitInterface] == "Unit" && kNames.size() == kNoInterface);
  if (!name.starts_with(kPrefix)) return kNoInterface;
  const std::string_view part = name.substr(kPrefix.size());
  return static_cast<std::size_t>(std::find(kNames.begin(), kNames.end(), part) - kNames.begin());
}

void PropertyReader::read(WireReader& in, SymbolTable& symbols, UnitState& state) noexcept {
  constexpr int kOpen = 3;  // array, dict entry and variant are open around each value
  const std::size_t end = in.read_array(8);
  const std::size_t remembered = in.is_native() ? kMaxNames : 0;
  Name other;
  for (std::size_t place = 0; in.ok() && in.offset() < end; place++) {
    in.align(8);
    Name& name = place < remembered ? names_[place] : other;
    const std::string_view type = place < remembered && in.skip_known(name.bytes) ? name.type() : read_name(in, name);
    if (!in.ok()) return;
    if (name.property == kUnlisted) {
      in.skip(type, kOpen);
    } else {
      read_value(in, kProperties[name.property], symbols, state);
      state.known |= 1u << name.property;
    }
  }
  if (in.ok() && in.offset() != end) in.reject(Reason::kArrayLength);
  read_invalidated(in);
}

std::string_view PropertyReader::read_name(WireReader& in, Name& name) noexcept {
  const std::size_t start = in.offset();
  const std::string_view text = in.read_string();
  const std::string_view type = in.read_variant_signature();
  if (!in.ok()) return {};
  const std::size_t type_at = in.offset() - 1 - type.size();
  in.align(alignment_of(type[0]));
  if (!in.ok()) return {};
  const Property* const property = find(text, type);
  name.bytes.remember(in.since(start));
  name.property = property == nullptr ? kUnlisted : static_cast<std::uint8_t>(property - kProperties.data());
  name.type_at = static_cast<std::uint8_t>(type_at - start);
  name.type_bytes = static_cast<std::uint8_t>(type.size());
  return type;
}

void PropertyReader::read_invalidated(WireReader& in) noexcept {
  in.align(4);
  if (in.is_native() && in.skip_known(invalidated_, invalidated_items_)) return;
  const std::size_t start = in.offset(), items = in.items();
  in.skip("as", 0);
  if (!in.is_native() || !in.ok()) return;
  invalidated_.remember(in.since(start));
  invalidated_items_ = in.items() - items;
}

}  // namespace unitscope::dbus
