#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/base/text_pool.h"
#include "core/batch/layout.h"

namespace unitscope::dbus {

/// What is known of a unit, and whether it was told.
struct Unit {
  UnitState state;
  /// In the table's pool.
  std::string_view name;
  UnitRef ref;
  std::uint32_t hash = 0;
  /// The table's round in which `state` was told; another number, as 0: not told.
  std::uint32_t told_in = 0;
};

/// The last state of each unit, in native memory: a slab of entries that never move, their names in a pool, states as
/// symbols, and an index by name. Memory grows to the most units there were at once; nothing allocates below that.
///
///     chunks_ [ Unit 1 | Unit 2 | ... ] [ Unit 65 | ... ]     an id is a place here, from 1 up
///     free_   ids without a unit, the last one freed on top
///     index_  [ 0 | id | id | 0 | ... ]                       open addressing: a name's hash says where to begin
///
/// One thread.
class UnitTable {
 public:
  /// As many as the tracker follows (receivers/systemd); about 220 bytes each, so 14 MB at most. systemd's own limit is
  /// 131,072 (MANAGER_MAX_NAMES).
  static constexpr std::size_t kMaxUnits = 65'536;

  UnitTable();
  UnitTable(const UnitTable&) = delete;
  UnitTable& operator=(const UnitTable&) = delete;

  /// nullptr when it is not there. Units stay where they are until removed.
  [[nodiscard]] Unit* find(std::string_view name) noexcept;
  /// The unit's entry, made when it is new; nullptr when it is new and the table is full.
  /// \param name  of 1 to 256 bytes
  [[nodiscard]] Unit* find_or_add(std::string_view name);
  void remove(Unit& unit) noexcept;
  void clear() noexcept;

  /// Every unit counts as not told yet. States stay: systemd sends a unit's two halves apart, and the second alone would
  /// be half a state.
  void forget() noexcept { round_++; }
  [[nodiscard]] bool told(const Unit& unit) const noexcept { return unit.told_in == round_; }
  void set_told(Unit& unit) const noexcept { unit.told_in = round_; }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Allocated, all of it.
  [[nodiscard]] std::size_t bytes() const noexcept;

 private:
  static constexpr std::size_t kUnitsPerChunk = 64;

  Unit& at(std::uint32_t id) const noexcept { return chunks_[(id - 1) / kUnitsPerChunk][(id - 1) % kUnitsPerChunk]; }
  /// Where in the index the name is, or the free place where its search ends.
  std::size_t place_of(std::string_view name, std::uint32_t hash) const noexcept;
  void add_chunk();
  void grow_index();

  std::vector<std::unique_ptr<Unit[]>> chunks_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> index_;  // its size is a power of two, at least twice size_
  std::size_t size_ = 0;
  TextPool names_;
  std::uint32_t round_ = 1;
};

}  // namespace unitscope::dbus
