// A record of the kernel's log. What must hold for any input: no memory error, and nothing comes out that is not in it.
#include <string>

#include "core/cgroup/oom_line.h"
#include "require.h"
#include "target.h"

namespace {

using namespace unitscope::cgroup;

void run(unitscope::Bytes input) {
  const std::string exact(input.begin(), input.end());
  const auto line = parse_oom_line(exact);
  if (!line) return;
  require(line->pid != 0 && exact.find("=" + std::to_string(line->pid)) != std::string::npos);
  require(line->cgroup.starts_with('/') && line->cgroup.size() <= kMaxOomPath);
  require(line->limited_by.empty() || line->limited_by.starts_with('/'));
  require(line->cgroup.size() + line->limited_by.size() + line->command.size() < exact.size());
  // Any number in front makes it somebody else's: nobody is named by a line that is not the kernel's own.
  require(!parse_oom_line("1" + exact));
}

const unitscope::fuzz::Register kTarget{{"oom_line", run}};

}  // namespace
