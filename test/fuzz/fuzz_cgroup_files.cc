// Every cgroup file's scanner on the same bytes. What must hold for any input: no memory error, a refused text changes
// nothing, and no number comes out that is not written in the text.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/cgroup/files.h"
#include "core/cgroup/printable_path.h"
#include "require.h"
#include "target.h"

namespace {

using namespace unitscope::cgroup;

/// Derived from the text, not written in it: counts, flags and hundredths.
bool is_derived(Field field) {
  const std::string_view name = kFieldNames[static_cast<std::size_t>(field)];
  return name.ends_with("Unlimited") || name.ends_with("Avg10") || name == "ioDevices";
}

void require_written(std::string_view text, std::uint64_t value) {
  require(text.find(std::to_string(value)) != std::string_view::npos);
}

void run(unitscope::Bytes input) {
  const std::string exact(input.begin(), input.end());
  for (const File& file : kFiles) {
    Sample sample;
    std::vector<IoDevice> devices;
    if (!file.scan(exact, sample, devices)) {
      require(sample.present == 0 && devices.empty());
      continue;
    }
    require(devices.size() <= kMaxIoDevices);
    for (std::size_t i = 0; i < kFieldCount; i++) {
      const auto field = static_cast<Field>(i);
      if (sample.has(field) && !is_derived(field)) require_written(exact, sample.get(field));
    }
    for (const IoDevice& device : devices) {
      for (const std::uint64_t value : {device.read_bytes, device.write_bytes, device.read_ops, device.write_ops}) {
        require_written(exact, value);
      }
    }
  }
  std::string shown, again;
  append_printable(shown, exact);
  append_printable(again, shown);
  require(shown == again);  // what was made printable is printable
}

const unitscope::fuzz::Register kTarget{{"cgroup_files", run}};

}  // namespace
