#include "core/dbus/unit_filter.h"

#include <algorithm>

namespace unitscope::dbus {
namespace {

/// Matches one byte against the bracket that opens at `pattern[at]`; moves `at` behind it. A bracket without end matches `[`.
bool match_bracket(std::string_view pattern, std::size_t& at, char c) noexcept {
  const std::size_t start = at + 1;
  const bool negate = start < pattern.size() && pattern[start] == '!';
  const std::size_t first = negate ? start + 1 : start;
  // A `]` that comes first is a member, as in glob(7).
  const std::size_t close = pattern.find(']', first + 1);
  if (close == pattern.npos) {
    at++;
    return c == '[';
  }
  bool found = false;
  for (std::size_t i = first; i < close; i++) {
    const bool range = i + 2 < close && pattern[i + 1] == '-';
    found = found || (range ? c >= pattern[i] && c <= pattern[i + 2] : c == pattern[i]);
    if (range) i += 2;
  }
  at = close + 1;
  return found != negate;
}

}  // namespace

bool glob_match(std::string_view pattern, std::string_view text) noexcept {
  std::size_t p = 0, t = 0;
  // Where to go on after a mismatch: behind the last star, which then takes one byte more.
  std::size_t star = pattern.npos, star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size()) {
      const char code = pattern[p];
      if (code == '*') {
        star = ++p;
        star_text = t;
        continue;
      }
      std::size_t next = p + 1;
      bool same = code == '?' || code == text[t];
      if (code == '[') {
        next = p;
        same = match_bracket(pattern, next, text[t]);
      }
      if (same) {
        p = next;
        t++;
        continue;
      }
    }
    if (star == pattern.npos) return false;
    p = star;
    t = ++star_text;
  }
  while (p < pattern.size() && pattern[p] == '*') p++;
  return p == pattern.size();
}

PatternSet::PatternSet(const std::vector<std::string>& patterns) {
  for (const auto& pattern : patterns) {
    const auto special = pattern.find_first_of("*?[");
    if (special == pattern.npos) {
      exact_.insert(pattern);
    } else if (special == pattern.size() - 1 && pattern.back() == '*') {
      prefixes_.push_back(pattern.substr(0, special));
    } else {
      globs_.push_back(pattern);
    }
  }
}

bool PatternSet::matches(std::string_view name) const noexcept {
  if (!exact_.empty() && exact_.contains(name)) return true;
  const auto has_prefix = [&](const std::string& prefix) { return name.starts_with(prefix); };
  const auto has_glob = [&](const std::string& glob) { return glob_match(glob, name); };
  return std::any_of(prefixes_.begin(), prefixes_.end(), has_prefix) ||
         std::any_of(globs_.begin(), globs_.end(), has_glob);
}

bool UnitFilter::passes(std::string_view unit) const noexcept {
  if (!unit_types_.empty() && !unit_types_.contains(unit_type_of(unit))) return false;
  if (!exclude_.empty() && exclude_.matches(unit)) return false;
  return include_.empty() || include_.matches(unit);
}

bool UnitFilter::passes_announcement(std::string_view unit) const noexcept {
  return passes(unit) || announced_types_.contains(unit_type_of(unit));
}

}  // namespace unitscope::dbus
