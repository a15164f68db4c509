#include "core/dbus/unit_table.h"

#include <map>
#include <string>

#include "harness.h"
#include "support/random.h"

namespace unitscope::dbus {
namespace {

using test::check;

std::string name_of(std::size_t i) { return "unit-" + std::to_string(i) + ".service"; }

const test::Test kRefs{"unit table: a place has a small number, and each unit that takes it another generation", [] {
  UnitTable table;
  Unit& a = *table.find_or_add("a.service");
  Unit& b = *table.find_or_add("b.service");
  test::equal(a.ref.id, 1u);
  test::equal(b.ref.id, 2u);
  test::equal(a.ref.generation, 1u);
  a.state.main_pid = 7;
  check(table.find_or_add("a.service") == &a, "the same name, the same place");
  table.remove(a);
  check(table.find("a.service") == nullptr);
  Unit& c = *table.find_or_add("c.service");
  test::equal(c.ref.id, 1u);
  test::equal(c.ref.generation, 2u);
  test::equal(c.state.main_pid, 0u, "nothing is left of the unit before");
  check(!table.told(c));
  table.clear();
  test::equal(table.size(), 0u);
  test::equal(table.find_or_add("c.service")->ref.generation, c.ref.generation);
  check(table.find("c.service") != nullptr && table.find("b.service") == nullptr);
}};

const test::Test kFull{"unit table: it holds kMaxUnits, each still found, and refuses one more", [] {
  UnitTable table;
  for (std::size_t i = 0; i < UnitTable::kMaxUnits; i++) table.find_or_add(name_of(i))->state.job_id = static_cast<std::uint32_t>(i);
  check(table.find_or_add("one-more.service") == nullptr);
  for (std::size_t i = 0; i < UnitTable::kMaxUnits; i++) {
    const Unit* const unit = table.find(name_of(i));
    if (unit == nullptr || unit->state.job_id != i || unit->name != name_of(i)) return check(false, name_of(i));
  }
  table.remove(*table.find(name_of(77)));
  check(table.find_or_add("one-more.service") != nullptr, "once one is gone");
}};

const test::Test kModel{"unit table: any order of coming, going and starting anew agrees with a map", [] {
  UnitTable table;
  std::map<std::string, std::pair<UnitRef, std::uint32_t>> model;
  test::Random random;
  for (std::uint32_t step = 0; step < 200'000; step++) {
    const std::string name = name_of(random.below(700));
    Unit* const unit = table.find(name);
    const auto expected = model.find(name);
    if ((unit == nullptr) != (expected == model.end())) return check(false, name + ", " + random.seed());
    if (unit != nullptr) {
      const auto& [ref, mark] = expected->second;
      const bool same = unit->ref.id == ref.id && unit->ref.generation == ref.generation && unit->state.job_id == mark;
      if (!same) return check(false, "another unit's entry, " + random.seed());
      if (random.below(2) == 0) continue;
      table.remove(*unit);
      model.erase(expected);
    } else {
      Unit& added = *table.find_or_add(name);
      added.state.job_id = step;
      model.emplace(name, std::pair(added.ref, step));
    }
    if (random.below(20'000) == 0) {
      table.clear();
      model.clear();
    }
    if (table.size() != model.size()) return check(false, "size, " + random.seed());
  }
}};

}  // namespace
}  // namespace unitscope::dbus
