#include "core/cgroup/pressure.h"

#include "core/base/parse_int.h"

namespace unitscope::cgroup {
namespace {

/// `D.DD`, as the kernel prints it ("%lu.%02lu").
std::optional<std::uint32_t> hundredths(std::string_view text) noexcept {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || text.size() != dot + 3) return std::nullopt;
  const auto whole = parse_int<std::uint32_t>(text.substr(0, dot));
  const auto part = parse_int<std::uint32_t>(text.substr(dot + 1));
  constexpr std::uint32_t kMaxPercent = 1'000'000;  // far above any share, far below an overflow of the product
  if (!whole || !part || *whole > kMaxPercent) return std::nullopt;
  return *whole * 100 + *part;
}

/// What stands behind `some ` or `full `: `avg10=0.00 avg60=0.00 avg300=0.00 total=0`.
Result<Stall, ScanError> scan_stall(std::string_view text) noexcept {
  std::optional<std::uint64_t> total;
  std::optional<std::uint32_t> avg10;
  while (!text.empty()) {
    const std::string_view token = text.substr(0, text.find(' '));
    text.remove_prefix(token.size() < text.size() ? token.size() + 1 : text.size());
    if (token.starts_with("total=")) {
      if (total) return fail(ScanError::kDuplicate);
      total = parse_int<std::uint64_t>(token.substr(6));
      if (!total) return fail(ScanError::kNumber);
    } else if (token.starts_with("avg10=")) {
      if (avg10) return fail(ScanError::kDuplicate);
      avg10 = hundredths(token.substr(6));
      if (!avg10) return fail(ScanError::kNumber);
    }
  }
  if (!total || !avg10) return fail(ScanError::kSyntax);
  return Stall{.total_usec = *total, .avg10_hundredths = *avg10};
}

}  // namespace

Result<Pressure, ScanError> scan_pressure(std::string_view text) noexcept {
  if (text.empty()) return fail(ScanError::kEmpty);
  std::optional<Stall> some, full;
  Lines lines(text);
  for (std::string_view line; lines.next(line);) {
    std::optional<Stall>* const side = line.starts_with("some ") ? &some : line.starts_with("full ") ? &full : nullptr;
    if (side == nullptr) continue;
    if (side->has_value()) return fail(ScanError::kDuplicate);
    const auto stall = scan_stall(line.substr(5));
    if (!stall) return fail(stall.error());
    *side = stall.value();
  }
  if (lines.truncated()) return fail(ScanError::kTruncated);
  if (!some) return fail(ScanError::kSyntax);
  return Pressure{.some = *some, .full = full};
}

}  // namespace unitscope::cgroup
