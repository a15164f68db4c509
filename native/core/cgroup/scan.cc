#include "core/cgroup/scan.h"

#include <array>
#include <cassert>

#include "core/base/parse_int.h"

namespace unitscope::cgroup {
namespace {

/// The one line of a single-value file.
Result<std::string_view, ScanError> only_line(std::string_view text) noexcept {
  if (text.empty()) return fail(ScanError::kEmpty);
  Lines lines(text);
  std::string_view line;
  if (!lines.next(line)) return fail(ScanError::kTruncated);
  if (lines.truncated()) return fail(ScanError::kSyntax);
  return line;
}

}  // namespace

Result<std::uint64_t, ScanError> scan_number(std::string_view text) noexcept {
  const auto line = only_line(text);
  if (!line) return fail(line.error());
  const auto number = parse_int<std::uint64_t>(line.value());
  if (!number) return fail(ScanError::kNumber);
  return *number;
}

Result<Limit, ScanError> scan_limit(std::string_view text) noexcept {
  const auto line = only_line(text);
  if (!line) return fail(line.error());
  if (line.value() == "max") return Limit{.unlimited = true};
  const auto number = parse_int<std::uint64_t>(line.value());
  if (!number) return fail(ScanError::kNumber);
  return Limit{.value = *number};
}

Result<std::uint32_t, ScanError> scan_keyed(std::string_view text, std::span<const std::string_view> keys,
                                            std::span<std::uint64_t> values) noexcept {
  assert(keys.size() <= kMaxKeys && values.size() == keys.size());
  if (text.empty()) return fail(ScanError::kEmpty);

  std::array<std::uint64_t, kMaxKeys> found;
  std::uint32_t present = 0;
  std::size_t expected = 0;  // the kernel's order is stable, so the search starts behind the last match
  Lines lines(text);
  for (std::string_view line; lines.next(line);) {
    const std::size_t blank = line.find(' ');
    const std::string_view key = line.substr(0, blank);
    for (std::size_t tried = 0; tried < keys.size(); tried++) {
      const std::size_t i = expected + tried < keys.size() ? expected + tried : expected + tried - keys.size();
      if (keys[i] != key) continue;
      if (blank == std::string_view::npos) return fail(ScanError::kSyntax);
      if ((present >> i & 1u) != 0) return fail(ScanError::kDuplicate);
      const auto number = parse_int<std::uint64_t>(line.substr(blank + 1));
      if (!number) return fail(ScanError::kNumber);
      found[i] = *number;
      present |= 1u << i;
      expected = i + 1 < keys.size() ? i + 1 : 0;
      break;
    }
  }
  if (lines.truncated()) return fail(ScanError::kTruncated);
  for (std::size_t i = 0; i < keys.size(); i++) {
    if ((present >> i & 1u) != 0) values[i] = found[i];
  }
  return present;
}

}  // namespace unitscope::cgroup
