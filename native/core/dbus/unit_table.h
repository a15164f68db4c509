#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/text_hash.h"
#include "core/batch/layout.h"

namespace unitscope::dbus {

/// What is known of a unit, and what was last told of it.
struct UnitEntry {
  UnitState current;
  UnitState emitted;
  /// The table's generation when `emitted` was told; another number means: tell again whatever comes.
  std::uint32_t generation = 0;
};

/// The last state of each unit. One thread.
class UnitTable {
 public:
  /// About 400 bytes each: 13 MB at most, within the addon's 20 MB. systemd's own limit is 131,072 units (MANAGER_MAX_NAMES).
  static constexpr std::size_t kMaxUnits = 32'768;
  static constexpr std::size_t kBytesPerUnit = 400;

  using Slot = TextMap<UnitEntry>::value_type;

  /// The unit's entry, made when it is new; nullptr when it is new and the table is full. Stays where it is until
  /// removed.
  [[nodiscard]] Slot* find_or_add(std::string_view unit);
  void remove(std::string_view unit);
  void clear() { units_.clear(); }

  /// Every entry counts as not told yet. States stay: systemd sends a unit's two halves apart, and the second alone
  /// would be half a state.
  void forget() noexcept { generation_++; }

  [[nodiscard]] bool told(const UnitEntry& entry) const noexcept;
  void set_told(UnitEntry& entry) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return units_.size(); }

 private:
  TextMap<UnitEntry> units_;
  std::uint32_t generation_ = 1;
};

}  // namespace unitscope::dbus
