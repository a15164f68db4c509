#include "core/dbus/unit_table.h"

#include <cstring>

namespace unitscope::dbus {

UnitTable::Slot* UnitTable::find_or_add(std::string_view unit) {
  if (const auto known = units_.find(unit); known != units_.end()) return &*known;
  if (units_.size() == kMaxUnits) return nullptr;
  return &*units_.emplace(unit, UnitEntry{}).first;
}

void UnitTable::remove(std::string_view unit) {
  if (const auto known = units_.find(unit); known != units_.end()) units_.erase(known);
}

bool UnitTable::told(const UnitEntry& entry) const noexcept {
  return entry.generation == generation_ && std::memcmp(&entry.current, &entry.emitted, sizeof(UnitState)) == 0;
}

void UnitTable::set_told(UnitEntry& entry) const noexcept {
  entry.emitted = entry.current;
  entry.generation = generation_;
}

}  // namespace unitscope::dbus
