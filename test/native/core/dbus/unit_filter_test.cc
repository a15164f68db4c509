#include "core/dbus/unit_filter.h"

#include <fstream>
#include <string>
#include <vector>

#include "harness.h"
#include "support/random.h"

namespace unitscope::dbus {
namespace {

using test::check;

const test::Test kGolden{"unit filter: patterns of test/golden/patterns match what they match in TypeScript", [] {
  std::ifstream file("test/golden/patterns/patterns.tsv");
  std::size_t rows = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    const auto first = line.find('\t'), second = line.rfind('\t');
    const std::string pattern = line.substr(0, first), text = line.substr(first + 1, second - first - 1);
    const bool expected = line.substr(second + 1) == "yes";
    check(glob_match(pattern, text) == expected, line);
    check(PatternSet({pattern}).matches(text) == expected, line);
    rows++;
  }
  check(rows > 40, "the file is there");
}};

const test::Test kGlob{"unit filter: empty texts, and brackets without an end, which TypeScript refuses", [] {
  const struct { std::string_view pattern, text; bool matches; } kRows[] = {
      {"", "", true}, {"", "a", false}, {"a", "", false}, {"*", "", true},
      {"?", "", false}, {"[", "[", true}, {"[a", "[a", true}, {"[a", "a", false},
  };
  for (const auto& [pattern, text, matches] : kRows) {
    check(glob_match(pattern, text) == matches, std::string(pattern) + " on " + std::string(text));
  }
}};

const test::Test kLinear{"unit filter: a pattern made to be slow is not: no recursion, time at most the product", [] {
  std::string pattern;
  for (int i = 0; i < 100; i++) pattern += "a*";
  check(!glob_match(pattern + "b", std::string(255, 'a')));
}};

/// glob(7) by recursion: slow, and plain enough to be believed. Brackets hold single members only.
bool naive(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') return naive(pattern.substr(1), text) || (!text.empty() && naive(pattern, text.substr(1)));
  if (text.empty()) return false;
  if (pattern[0] == '[') {
    const std::size_t close = pattern.find(']');
    const bool negated = pattern[1] == '!';
    const bool member = pattern.substr(negated ? 2 : 1, close - (negated ? 2 : 1)).find(text[0]) != pattern.npos;
    return member != negated && naive(pattern.substr(close + 1), text.substr(1));
  }
  return (pattern[0] == '?' || pattern[0] == text[0]) && naive(pattern.substr(1), text.substr(1));
}

/// A few letters only, so that patterns do match.
std::string random_text(test::Random& random, std::uint32_t most) {
  std::string out;
  for (std::uint32_t i = random.below(most + 1); i > 0; i--) out += "ab.@"[random.below(4)];
  return out;
}
std::string random_pattern(test::Random& random) {
  static constexpr std::string_view kParts[] = {"a", "b", ".", "@", "*", "*", "?", "[ab]", "[!a]", "[.@b]"};
  std::string out;
  for (std::uint32_t i = random.below(7); i > 0; i--) out += kParts[random.below(10)];
  return out;
}

const test::Test kProperty{"unit filter: exact names, prefixes and globs together answer as the plain reference, property", [] {
  test::Random random;
  std::size_t passed = 0;
  constexpr int kRounds = 20'000;
  for (int round = 0; round < kRounds; round++) {
    std::vector<std::string> include, exclude, types;
    for (std::uint32_t i = random.below(4); i > 0; i--) include.push_back(random_pattern(random));
    for (std::uint32_t i = random.below(3); i > 0; i--) exclude.push_back(random_pattern(random));
    for (std::uint32_t i = random.below(3); i > 0; i--) types.push_back(random_text(random, 2));
    const UnitFilter filter(include, exclude, types);
    const std::string unit = random_text(random, 8);
    const auto any = [&](const std::vector<std::string>& patterns) {
      bool found = false;
      for (const auto& pattern : patterns) found = found || naive(pattern, unit);
      return found;
    };
    const std::string type = unit.substr(unit.rfind('.') + 1);
    bool of_type = types.empty();
    for (const auto& each : types) of_type = of_type || each == type;
    const bool expected = of_type && !any(exclude) && (include.empty() || any(include));
    std::string context = random.seed() + " " + unit + ":";
    for (const auto& pattern : include) context += " +" + pattern;
    for (const auto& pattern : exclude) context += " -" + pattern;
    check(filter.passes(unit) == expected, context);
    passed += expected ? 1u : 0u;
  }
  check(passed > kRounds / 10 && passed < kRounds - kRounds / 10, "both answers are common");
}};

const test::Test kMany{"unit filter: thousands of exact names, types and exclusion over inclusion", [] {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < UnitFilter::kMaxPatterns; i++) names.push_back("unit" + std::to_string(i) + ".service");
  const UnitFilter filter(names, {"unit7.*"}, {"service", "timer"});
  check(filter.passes("unit4095.service"));
  check(!filter.passes("unit4096.service"));
  check(!filter.passes("unit7.service"), "excluded");
  check(!filter.passes("unit5.socket"), "type");
  check(UnitFilter({}, {}, {}).passes("any.thing"), "nothing configured passes all");
}};

const test::Test kAnnounced{"unit filter: coming and going passes for announced types, whatever else is excluded", [] {
  const UnitFilter filter({"web*"}, {"*.target"}, {"service"}, {"target", "slice"});
  check(!filter.passes("multi-user.target"));
  check(filter.passes_announcement("multi-user.target"));
  check(filter.passes_announcement("web1.service"), "watched");
  check(!filter.passes_announcement("db.service"), "neither watched nor announced");
  check(!UnitFilter({}, {}, {"service"}).passes_announcement("a.target"), "nothing announced");
}};

}  // namespace
}  // namespace unitscope::dbus
