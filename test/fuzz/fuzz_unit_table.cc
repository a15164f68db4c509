// The table of last states, as a list of actions: bytes of two, what to do and with which of 256 units. For any list: it answers
// what a map would; no two units share an entry, an id or a place for their name; an entry never moves.
#include <map>
#include <set>
#include <string>

#include "core/dbus/unit_table.h"
#include "require.h"
#include "target.h"

namespace {

using namespace unitscope;

/// Lengths around the pool's classes of 32, 64, 128 and 256 bytes.
std::string name_of(std::uint8_t unit) {
  static constexpr std::size_t kLengths[] = {1, 31, 32, 33, 64, 65, 128, 129, 255, 256};
  const std::string text = std::to_string(unit) + ".";
  return text + std::string(kLengths[unit % std::size(kLengths)] - std::min(text.size(), kLengths[unit % std::size(kLengths)]), 'u');
}

struct Known {
  dbus::Unit* entry;
  UnitRef ref;
  std::uint32_t mark;
  bool told;
};
using Model = std::map<std::string, Known>;

void require_same(dbus::UnitTable& table, const Model& model) {
  require(table.size() == model.size());
  std::set<std::uint32_t> ids;
  for (const auto& [name, known] : model) {
    const dbus::Unit* const unit = table.find(name);
    require(unit == known.entry && unit->name == name);
    require(unit->ref.id == known.ref.id && unit->ref.generation == known.ref.generation);
    require(unit->state.job_id == known.mark && table.told(*unit) == known.told);
    require(unit->ref.id > 0 && ids.insert(unit->ref.id).second);
  }
}

void run(Bytes input) {
  dbus::UnitTable table;
  Model model;
  std::map<std::uint32_t, std::uint32_t> generations;  // by id, the last one given out
  std::size_t most = 0;
  for (std::uint32_t step = 1; input.size() >= 2; step++, input = input.subspan(2)) {
    const std::string name = name_of(input[1]);
    const auto known = model.find(name);
    require((table.find(name) == nullptr) == (known == model.end()));
    switch (input[0] % 16) {
      case 0:
        table.clear();
        model.clear();
        break;
      case 1:
        table.forget();
        for (auto& [_, each] : model) each.told = false;
        break;
      case 2: case 3:
        if (known == model.end()) break;
        table.set_told(*known->second.entry);
        known->second.told = true;
        break;
      case 4: case 5: case 6: case 7: case 8:
        if (known == model.end()) break;
        table.remove(*known->second.entry);
        model.erase(known);
        break;
      default: {
        dbus::Unit* const unit = table.find_or_add(name);
        require(unit != nullptr);
        if (known != model.end()) {
          require(unit == known->second.entry);
        } else {
          require(unit->state.job_id == 0 && !table.told(*unit));  // nothing is left of the unit before
          std::uint32_t& generation = generations[unit->ref.id];
          require(unit->ref.generation > generation);
          generation = unit->ref.generation;
          model[name] = {unit, unit->ref, 0, false};
        }
        model[name].mark = unit->state.job_id = step;
      }
    }
    most = std::max(most, model.size());
    require(table.size() == model.size());
  }
  require_same(table, model);
  // Ids stay as small as the most units there were at once, in whole chunks of 64.
  for (const auto& [id, _] : generations) require(id <= (most + 63) / 64 * 64);
}

const fuzz::Register kTarget{{"unit_table", run}};

}  // namespace
