#pragma once

#include <string>

#include "core/base/result.h"
#include "os/unique_fd.h"

namespace unitscope::cgroup {

/// Asks the kernel to tell when a pressure file passes a threshold (Documentation/accounting/psi.rst, "Monitoring for pressure
/// thresholds"): poll(2) says POLLPRI then, at most once per window, and POLLERR when the cgroup is gone. The trigger lives as
/// long as the descriptor.
///
/// \param dir      of the cgroup
/// \param file     `memory.pressure`
/// \param trigger  `some 150000 2000000`: kind, threshold and window in microseconds
/// \return         errno where the kernel refuses: EINVAL also for a window that is no multiple of 2 s without
///                 CAP_SYS_RESOURCE, EACCES without the right to write
[[nodiscard]] Result<UniqueFd, int> open_pressure_trigger(int dir, const char* file, const std::string& trigger) noexcept;

}  // namespace unitscope::cgroup
