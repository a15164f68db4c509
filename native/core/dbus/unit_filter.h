#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/text_hash.h"
#include "core/dbus/unit_name.h"

namespace unitscope::dbus {

/// Matches `text` against a pattern of `*`, `?` and `[...]` (`[!...]` negates, `^` does not: POSIX leaves it undefined); the
/// same as src/lib/matching/pattern.ts, by test/golden/patterns. A `[` without end is itself, and so is a
/// backslash, which unit names hold (`\x2d`). Time is at most the product of both lengths; nothing recurses.
[[nodiscard]] bool glob_match(std::string_view pattern, std::string_view text) noexcept;

/// A list of patterns sorted by how dear they are: exact names by hash, then prefixes, then globs.
class PatternSet {
 public:
  explicit PatternSet(const std::vector<std::string>& patterns);
  [[nodiscard]] bool empty() const noexcept { return exact_.empty() && prefixes_.empty() && globs_.empty(); }
  [[nodiscard]] bool matches(std::string_view name) const noexcept;

 private:
  TextSet exact_;
  std::vector<std::string> prefixes_;
  std::vector<std::string> globs_;
};

/// Which units pass. Immutable after construction: any thread.
class UnitFilter {
 public:
  /// An operator's list; thousands of exact names are one hash lookup, of globs a scan for each new message.
  static constexpr std::size_t kMaxPatterns = 4096;

  UnitFilter(const std::vector<std::string>& include, const std::vector<std::string>& exclude,
             const std::vector<std::string>& unit_types, const std::vector<std::string>& announced_types = {})
      : include_(include),
        exclude_(exclude),
        unit_types_(unit_types.begin(), unit_types.end()),
        announced_types_(announced_types.begin(), announced_types.end()) {}

  /// Type first, then exclude, which wins over include.
  [[nodiscard]] bool passes(std::string_view unit) const noexcept;

  /// Whether its coming and going pass: of units whose states do, and of all of the announced types.
  [[nodiscard]] bool passes_announcement(std::string_view unit) const noexcept;

 private:
  PatternSet include_;
  PatternSet exclude_;
  TextSet unit_types_;
  TextSet announced_types_;
};

}  // namespace unitscope::dbus
