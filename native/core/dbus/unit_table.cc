#include "core/dbus/unit_table.h"

#include <functional>

namespace unitscope::dbus {
namespace {

constexpr std::size_t kFirstIndex = 128;

std::uint32_t hash_of(std::string_view name) noexcept {
  return static_cast<std::uint32_t>(std::hash<std::string_view>{}(name));
}

}  // namespace

UnitTable::UnitTable() : index_(kFirstIndex) {}

std::size_t UnitTable::place_of(std::string_view name, std::uint32_t hash) const noexcept {
  const std::size_t mask = index_.size() - 1;
  std::size_t place = hash & mask;
  for (; index_[place] != 0; place = (place + 1) & mask) {
    const Unit& unit = at(index_[place]);
    if (unit.hash == hash && unit.name == name) break;
  }
  return place;
}

Unit* UnitTable::find(std::string_view name) noexcept {
  const std::uint32_t id = index_[place_of(name, hash_of(name))];
  return id == 0 ? nullptr : &at(id);
}

Unit* UnitTable::find_or_add(std::string_view name) {
  const std::uint32_t hash = hash_of(name);
  std::size_t place = place_of(name, hash);
  if (index_[place] != 0) return &at(index_[place]);
  if (size_ == kMaxUnits) return nullptr;
  if (free_.empty()) add_chunk();
  if ((size_ + 1) * 2 > index_.size()) {
    grow_index();
    place = place_of(name, hash);
  }
  const std::uint32_t id = free_.back();
  free_.pop_back();
  size_++;
  index_[place] = id;
  Unit& unit = at(id);
  unit = {.state = {}, .name = names_.keep(name), .ref = {id, unit.ref.generation + 1}, .hash = hash};
  return &unit;
}

void UnitTable::remove(Unit& unit) noexcept {
  const std::size_t mask = index_.size() - 1;
  std::size_t hole = place_of(unit.name, unit.hash);
  index_[hole] = 0;
  // What stood behind it and was searched for across it moves up, so that no search ends at the hole.
  for (std::size_t next = (hole + 1) & mask; index_[next] != 0; next = (next + 1) & mask) {
    const std::size_t home = at(index_[next]).hash & mask;
    if (((next - home) & mask) < ((next - hole) & mask)) continue;
    index_[hole] = index_[next];
    index_[next] = 0;
    hole = next;
  }
  names_.give_back(unit.name);
  free_.push_back(unit.ref.id);  // never allocates: it has room for every id there is
  size_--;
}

void UnitTable::clear() noexcept {
  for (std::uint32_t& id : index_) {
    if (id == 0) continue;
    names_.give_back(at(id).name);
    free_.push_back(id);
    id = 0;
  }
  size_ = 0;
}

void UnitTable::add_chunk() {
  const auto first = static_cast<std::uint32_t>(chunks_.size() * kUnitsPerChunk + 1);
  chunks_.push_back(std::make_unique<Unit[]>(kUnitsPerChunk));
  free_.reserve(chunks_.size() * kUnitsPerChunk);
  for (std::uint32_t i = kUnitsPerChunk; i > 0; i--) free_.push_back(first + i - 1);
}

void UnitTable::grow_index() {
  std::vector<std::uint32_t> ids(index_.size() * 2);
  ids.swap(index_);
  for (const std::uint32_t id : ids) {
    if (id != 0) index_[place_of(at(id).name, at(id).hash)] = id;
  }
}

std::size_t UnitTable::bytes() const noexcept {
  return chunks_.size() * kUnitsPerChunk * sizeof(Unit) + chunks_.capacity() * sizeof(chunks_[0]) +
         free_.capacity() * sizeof(free_[0]) + index_.capacity() * sizeof(index_[0]) + names_.bytes();
}

}  // namespace unitscope::dbus
