#include "core/cgroup/oom_line.h"

#include <string>

#include "harness.h"

namespace unitscope::cgroup {
namespace {

using test::check;

/// As Linux 6.1 wrote it, but for what a test changes.
std::string record(const std::string& context, const std::string& victim) {
  return "6,413,6878608,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0," + context + "," + victim + "\n";
}
const std::string kContext = "oom_memcg=/system.slice,task_memcg=/system.slice/v1.service/box";
const std::string kVictim = "task=tail,pid=227,uid=0";

const test::Test kReads{"oom line: it says whose process was killed, which, and whose limit was met", [] {
  const auto line = parse_oom_line(record(kContext, kVictim));
  check(line.has_value());
  test::equal(line->cgroup, "/system.slice/v1.service/box");
  test::equal(line->limited_by, "/system.slice");
  test::equal(line->command, "tail");
  test::equal(line->pid, 227u);
}};

const test::Test kGlobal{"oom line: where the machine had no memory left there is no limit", [] {
  const auto line = parse_oom_line(record("global_oom,task_memcg=/system.slice/v1.service", kVictim));
  check(line.has_value());
  test::equal(line->cgroup, "/system.slice/v1.service");
  test::equal(line->limited_by, "");
}};

const test::Test kUnescapes{"oom line: names come as mkdir(2) and prctl(2) got them", [] {
  const auto line = parse_oom_line(record("oom_memcg=/a,task_memcg=/a/dev-my\\x5cx2ddisk.swap", "task=a\\x5c, b=\\xc3\\xa4,pid=7,uid=0"));
  check(line.has_value());
  test::equal(line->cgroup, "/a/dev-my\\x2ddisk.swap");
  test::equal(line->command, "a\\, b=ä");
  const auto cut = parse_oom_line(record(kContext, "task=\\x,pid=7,uid=0"));
  check(cut.has_value());
  test::equal(cut->command, "\\x", "an escape that is none stays");
}};

const test::Test kRefuses{"oom line: what is no such line of the kernel, was cut, or may be forged is none", [] {
  const std::string good = record(kContext, kVictim);
  const std::string wrong[] = {
      "",
      "6",
      "6,413,6878608,-;",
      "3,414,6879251,-;Memory cgroup out of memory: Killed process 227 (tail) total-vm:19068kB\n",
      // Facility 1: somebody wrote it to /dev/kmsg.
      "14" + good.substr(1),
      "x" + good,
      good.substr(0, good.find(",pid=")),
      good.substr(0, good.find(",task_memcg=")),
      record("oom_memcg=/a", kVictim),
      record("task_memcg=/a", kVictim),
      record("oom_memcg=a,task_memcg=/a", kVictim),
      record("oom_memcg=/a,task_memcg=a", kVictim),
      record(kContext, "task=tail,pid=,uid=0"),
      record(kContext, "task=tail,pid=0,uid=0"),
      record(kContext, "task=tail,pid=-7,uid=0"),
      record(kContext, "task=tail,pid=027,uid=0"),
      record(kContext, "task=tail,pid=4294967296,uid=0"),
      // A cgroup or a process of such a name would point to another unit.
      record("oom_memcg=/a,task_memcg=/a/x,task_memcg=/system.slice/other.service", kVictim),
      record(kContext, "task=x,pid=1,uid=,pid=227,uid=0"),
      record(kContext, "task=x,task=y,pid=227,uid=0"),
      // Out of order.
      record("task_memcg=/a,oom_memcg=/a", kVictim),
      record(kContext, "pid=227,task=tail,uid=0"),
      record("oom_memcg=/a,task_memcg=/" + std::string(kMaxOomPath, 'x'), kVictim),
  };
  for (const std::string& text : wrong) check(!parse_oom_line(text).has_value(), text);
}};

}  // namespace
}  // namespace unitscope::cgroup
