#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/cgroup/scan.h"

namespace unitscope::cgroup {

/// One line of a pressure file (Documentation/accounting/psi.rst).
struct Stall {
  std::uint64_t total_usec = 0;
  /// avg10 in hundredths of a percent, as exact as the kernel writes it: `12.34` is 1234.
  std::uint32_t avg10_hundredths = 0;
};

struct Pressure {
  Stall some;
  /// cpu.pressure has had no `full` line before kernel 5.13.
  std::optional<Stall> full;
};

/// cpu.pressure, memory.pressure, io.pressure. Unknown lines and unknown keys are skipped.
[[nodiscard]] Result<Pressure, ScanError> scan_pressure(std::string_view text) noexcept;

}  // namespace unitscope::cgroup
