#include "core/cgroup/files.h"

#include <string>

#include "core/cgroup/printable_path.h"
#include "harness.h"

namespace unitscope::cgroup {
namespace {

using test::check;

const File& file_named(std::string_view name) {
  for (const File& file : kFiles) {
    if (name == file.name) return file;
  }
  return kFiles[0];
}

std::string name_of(Field field) { return std::string(kFieldNames[static_cast<std::size_t>(field)]); }

/// What one file adds to a sample, as `name=value ...` in field order, or `!`.
std::string added(std::string_view name, std::string_view text) {
  const File& file = file_named(name);
  if (name != file.name) return "no such file";
  Sample sample;
  std::vector<IoDevice> devices;
  if (!file.scan(text, sample, devices)) return sample.present == 0 && devices.empty() ? "!" : "changed the sample";
  std::string out;
  for (std::size_t i = 0; i < kFieldCount; i++) {
    const auto field = static_cast<Field>(i);
    if (sample.has(field)) out += name_of(field) + "=" + std::to_string(sample.get(field)) + " ";
  }
  return out;
}

const test::Test kEach{"cgroup: each file fills its own fields", [] {
  test::equal(added("cpu.stat",
              "usage_usec 9\nuser_usec 6\nsystem_usec 3\ncore_sched.force_idle_usec 0\nnr_periods 5\nnr_throttled 2\n"
              "throttled_usec 700\nnr_bursts 0\nburst_usec 0\n"),
        "cpuUsageUsec=9 cpuUserUsec=6 cpuSystemUsec=3 cpuPeriods=5 cpuThrottledPeriods=2 cpuThrottledUsec=700 ");
  test::equal(added("cpu.stat", "usage_usec 9\nuser_usec 6\nsystem_usec 3\n"), "cpuUsageUsec=9 cpuUserUsec=6 cpuSystemUsec=3 ",
        "no cpu controller");
  test::equal(added("memory.current", "4096\n"), "memoryCurrent=4096 ");
  test::equal(added("memory.peak", "8192\n"), "memoryPeak=8192 ");
  test::equal(added("memory.max", "max\n"), "memoryMaxUnlimited=1 ");
  test::equal(added("memory.max", "67108864\n"), "memoryMax=67108864 memoryMaxUnlimited=0 ");
  test::equal(added("memory.swap.current", "0\n"), "memorySwapCurrent=0 ");
  test::equal(added("memory.events", "low 0\nhigh 1\nmax 2\noom 3\noom_kill 4\n"),
        "memoryEvents.low=0 memoryEvents.high=1 memoryEvents.max=2 memoryEvents.oom=3 memoryEvents.oom_kill=4 ");
  test::equal(added("memory.stat", "anon 1\nfile 2\nkernel 3\nzswap 0\nslab 9\npgfault 12\n"),
        "memoryStat.anon=1 memoryStat.file=2 memoryStat.kernel=3 memoryStat.slab=9 ");
  test::equal(added("io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4\n"), "ioDevices=1 ");
  test::equal(added("io.stat", ""), "ioDevices=0 ");
  test::equal(added("pids.current", "3\n"), "pidsCurrent=3 ");
  test::equal(added("pids.max", "max\n"), "pidsMaxUnlimited=1 ");
  test::equal(added("cpu.pressure", "some avg10=0.50 total=7\nfull avg10=0.25 total=3\n"),
        "cpuPressure.someTotal=7 cpuPressure.someAvg10=50 cpuPressure.fullTotal=3 cpuPressure.fullAvg10=25 ");
  test::equal(added("memory.pressure", "some avg10=0.50 total=7\n"), "memoryPressure.someTotal=7 memoryPressure.someAvg10=50 ");
  test::equal(added("io.pressure", "some avg10=0.00 total=0\nfull avg10=0.00 total=1\n"),
        "ioPressure.someTotal=0 ioPressure.someAvg10=0 ioPressure.fullTotal=1 ioPressure.fullAvg10=0 ");
  test::equal(added("cgroup.events", "populated 1\nfrozen 0\n"), "populated=1 frozen=0 ");
}};

const test::Test kRefused{"cgroup: no file lets a malformed text through, and none changes the sample for it", [] {
  for (const File& file : kFiles) {
    for (const std::string_view bad : {"\xff\xfe", "1", "garbage", "usage_usec 1"}) {
      test::equal(added(file.name, bad), "!", file.name);
    }
    if (std::string_view(file.name) != "io.stat") test::equal(added(file.name, ""), "!", file.name);
  }
}};

const test::Test kNames{"cgroup: every field has a name of its own", [] {
  for (std::size_t i = 0; i < kFieldCount; i++) {
    check(!kFieldNames[i].empty());
    for (std::size_t j = 0; j < i; j++) check(kFieldNames[i] != kFieldNames[j], kFieldNames[i]);
  }
}};

std::string printable(std::string_view path) {
  std::string out;
  append_printable(out, path);
  return out;
}

const test::Test kPaths{"cgroup: paths of systemd stay as they are, hostile ones become harmless", [] {
  test::equal(printable("/system.slice/dev-disk-by\\x2dlabel.swap"), "/system.slice/dev-disk-by\\x2dlabel.swap");
  test::equal(printable("/f\xc3\xbcr.service"), "/f\xc3\xbcr.service");
  test::equal(printable("/a\nb"), "/a\\x0ab");
  test::equal(printable("/\x1b[31m"), "/\\x1b[31m");
  test::equal(printable("/\x7f"), "/\\x7f");
  test::equal(printable("/\xc2\x9b"), "/\\xc2\\x9b", "C1 control");
  test::equal(printable("/\xff\xc3"), "/\\xff\\xc3");
  test::equal(printable("/\xc0\xaf"), "/\\xc0\\xaf", "overlong");
  test::equal(printable("/\xed\xa0\x80"), "/\\xed\\xa0\\x80", "surrogate");
  test::equal(printable("/\xf4\x90\x80\x80"), "/\\xf4\\x90\\x80\\x80", "beyond U+10FFFF");
  test::equal(printable("/\xf0\x9f\x98\x80"), "/\xf0\x9f\x98\x80");
  test::equal(printable(std::string_view("/\xf0\x9f\x98\x80", 4)), "/\\xf0\\x9f\\x98", "cut");
}};

}  // namespace
}  // namespace unitscope::cgroup
