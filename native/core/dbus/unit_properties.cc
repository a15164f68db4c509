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
  const std::size_t end = in.read_array(1);
  const bool whole = in.ok() && end - in.offset() == sizeof(UnitState::invocation_id);
  // Empty until the unit's first start.
  std::memset(out, 0, sizeof(UnitState::invocation_id));
  for (std::size_t i = 0; in.ok() && in.offset() < end; i++) {
    const std::uint8_t byte = in.read_u8();
    if (whole) out[i] = byte;
  }
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

PropertyGroup group_of(std::string_view interface) noexcept {
  constexpr std::string_view kPrefix = "org.freedesktop.systemd1.";
  if (!interface.starts_with(kPrefix)) return PropertyGroup::kOther;
  const std::string_view part = interface.substr(kPrefix.size());
  if (part == "Unit") return PropertyGroup::kUnit;
  for (const std::string_view type : {"Service", "Socket", "Timer", "Mount", "Path", "Scope", "Swap", "Automount"}) {
    if (part == type) return PropertyGroup::kType;
  }
  return PropertyGroup::kOther;
}

void read_properties(WireReader& in, SymbolTable& symbols, UnitState& state) noexcept {
  constexpr int kOpen = 3;  // array, dict entry and variant are open around each value
  const std::size_t end = in.read_array(8);
  while (in.ok() && in.offset() < end) {
    in.align(8);
    const std::string_view name = in.read_string();
    const std::string_view type = in.read_variant_signature();
    if (!in.ok()) return;
    if (const Property* property = find(name, type); property != nullptr) {
      read_value(in, *property, symbols, state);
      state.known |= 1u << (property - kProperties.data());
    } else {
      in.skip(type, kOpen);
    }
  }
  if (in.ok() && in.offset() != end) in.reject(Reason::kArrayLength);
}

}  // namespace unitscope::dbus
