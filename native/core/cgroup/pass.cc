#include "core/cgroup/pass.h"

#include <limits>

#include "core/cgroup/printable_path.h"

namespace unitscope::cgroup {

void Pass::clear() noexcept {
  entries.clear();
  rows.clear();
  devices.clear();
  paths.clear();
  invocations.clear();
  root_gone = false;
}

void Pass::add_entry(std::uint64_t key, std::uint64_t id, double made_ms, std::string_view path,
                     std::string_view invocation) {
  if (!entries.empty()) paths += '\0';
  paths += '/';
  append_printable(paths, path);
  invocations += invocation;
  invocations.append(kInvocationBytes - invocation.size(), ' ');
  const double made = made_ms < 0 ? std::numeric_limits<double>::quiet_NaN() : made_ms;
  entries.insert(entries.end(), {static_cast<double>(key), static_cast<double>(id), made});
}

void Pass::add_row(std::uint64_t key, RowState state, double read_ms, const Sample& sample,
                   std::span<const IoDevice> io) {
  const auto first_device = static_cast<double>(devices.size() / kDeviceWords);
  rows.insert(rows.end(), {static_cast<double>(key), static_cast<double>(state), read_ms, first_device});
  for (std::size_t i = 0; i < kFieldCount; i++) {
    const bool present = sample.has(static_cast<Field>(i));
    rows.push_back(present ? static_cast<double>(sample.values[i]) : std::numeric_limits<double>::quiet_NaN());
  }
  for (const IoDevice& device : io) {
    for (const std::uint64_t word : {std::uint64_t{device.major}, std::uint64_t{device.minor}, device.read_bytes,
                                     device.write_bytes, device.read_ops, device.write_ops}) {
      devices.push_back(static_cast<double>(word));
    }
  }
}

std::size_t Pass::bytes() const noexcept {
  return (entries.capacity() + rows.capacity() + devices.capacity()) * sizeof(double) + paths.capacity() +
         invocations.capacity();
}

}  // namespace unitscope::cgroup
