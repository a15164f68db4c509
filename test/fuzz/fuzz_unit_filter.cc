// A pattern, a NUL, a unit's name. For any two texts: the pattern matches as glob(7) says, by a plain reference; as an include
// pattern it passes the unit, as an exclude pattern it does not; and a pattern without special bytes matches itself alone.
#include <algorithm>
#include <string>
#include <vector>

#include "core/dbus/unit_filter.h"
#include "require.h"
#include "target.h"

namespace {

using namespace unitscope;

/// Longer texts cost the reference its square without telling more.
constexpr std::size_t kMaxText = 300;

/// What one element of a pattern takes: `*`, any byte, or one of a set.
struct Element {
  bool star = false;
  std::vector<bool> set = std::vector<bool>(256);
};

std::vector<Element> elements_of(std::string_view pattern) {
  std::vector<Element> all;
  for (std::size_t at = 0; at < pattern.size(); at++) {
    Element element;
    const auto add = [&](char c) { element.set[static_cast<std::uint8_t>(c)] = true; };
    if (pattern[at] == '*') element.star = true;
    else if (pattern[at] == '?') element.set.flip();
    else if (pattern[at] != '[') add(pattern[at]);
    else {
      const bool negated = at + 1 < pattern.size() && pattern[at + 1] == '!';
      const std::size_t first = at + (negated ? 2 : 1);
      const std::size_t end = first < pattern.size() ? pattern.find(']', first + 1) : pattern.npos;
      if (end == pattern.npos) {
        add('[');
      } else {
        std::string_view in = pattern.substr(first, end - first);
        while (!in.empty()) {
          const bool range = in.size() > 2 && in[1] == '-';
          if (range) for (int c = in[0]; c <= in[2]; c++) add(static_cast<char>(c));
          else add(in[0]);
          in.remove_prefix(range ? 3 : 1);
        }
        if (negated) element.set.flip();
        at = end;
      }
    }
    all.push_back(std::move(element));
  }
  return all;
}

/// By the set of places in the pattern that the text may have come to, one byte after the other.
bool reference(std::string_view pattern, std::string_view text) {
  const auto elements = elements_of(pattern);
  std::vector<bool> here(elements.size() + 1);
  here[0] = true;
  const auto pass_stars = [&] {
    for (std::size_t i = 0; i < elements.size(); i++) if (here[i] && elements[i].star) here[i + 1] = true;
  };
  pass_stars();
  for (const char c : text) {
    std::vector<bool> next(here.size());
    for (std::size_t i = 0; i < elements.size(); i++) {
      if (!here[i]) continue;
      if (elements[i].star) next[i] = true;
      else if (elements[i].set[static_cast<std::uint8_t>(c)]) next[i + 1] = true;
    }
    here = std::move(next);
    pass_stars();
  }
  return here.back();
}

void run(Bytes input) {
  const std::string text(input.begin(), input.end());
  const std::size_t nul = text.find('\0');
  const std::string pattern = text.substr(0, std::min(nul, kMaxText));
  const std::string unit = nul == text.npos ? "" : text.substr(nul + 1, kMaxText);
  const bool expected = reference(pattern, unit);
  require(dbus::glob_match(pattern, unit) == expected);
  require(dbus::PatternSet({pattern}).matches(unit) == expected);
  require(dbus::UnitFilter({pattern}, {}, {}).passes(unit) == expected);
  require(dbus::UnitFilter({}, {pattern}, {}).passes(unit) == !expected);
  if (pattern.find_first_of("*?[") == pattern.npos) require(expected == (pattern == unit));
}

const fuzz::Register kTarget{{"unit_filter", run}};

}  // namespace
