#include "core/cgroup/io_stat.h"

#include <optional>
#include <string>

#include "harness.h"

namespace unitscope::cgroup {
namespace {

using test::check;

/// Devices written back as `8:0=r,w,ro,wo ...`, or `!` and the error.
std::string scanned(const std::string& text) {
  std::vector<IoDevice> devices;
  const auto result = scan_io_stat(text, devices);
  if (!result.ok()) return devices.empty() ? "!" + std::to_string(int(result.error())) : "left devices behind";
  if (result.value() != devices.size()) return "wrong count";
  std::string out;
  for (const IoDevice& d : devices) {
    out += std::to_string(d.major) + ":" + std::to_string(d.minor) + "=" + std::to_string(d.read_bytes) + "," +
           std::to_string(d.write_bytes) + "," + std::to_string(d.read_ops) + "," + std::to_string(d.write_ops) + " ";
  }
  return out;
}

std::string refused(ScanError error) { return "!" + std::to_string(int(error)); }

const test::Test kGood{"cgroup: io.stat gives each device with its four counters", [] {
  test::equal(scanned(""), "", "no I/O yet");
  test::equal(scanned("254:0 rbytes=1 wbytes=20971520 rios=3 wios=20 dbytes=0 dios=0\n"), "254:0=1,20971520,3,20 ");
  test::equal(scanned("8:16 rbytes=1 wbytes=2 rios=3 wios=4\n8:0 wios=8 rios=7 wbytes=6 rbytes=5\n"),
        "8:16=1,2,3,4 8:0=5,6,7,8 ");
  test::equal(scanned("8:0 rbytes=1 wbytes=2 rios=3 wios=4 cost.usage=9 cost.wait=x\n"), "8:0=1,2,3,4 ", "iocost fields");
  test::equal(scanned("259:1048575 rbytes=18446744073709551615 wbytes=0 rios=0 wios=0\n"),
        "259:1048575=18446744073709551615,0,0,0 ");
}};

const test::Test kOdd{"cgroup: io.stat in the odd forms real kernels write", [] {
  test::equal(scanned("7:7 7:6 7:5 rbytes=1 wbytes=2 rios=3 wios=4\n7:3 rbytes=5 wbytes=6 rios=7 wios=8\n"),
        "7:5=1,2,3,4 7:3=5,6,7,8 ", "several devices on a line");
  test::equal(scanned("259:0 rbytes=1 wbytes=2 rios=3 wios=4\n252:0 "), "259:0=1,2,3,4 ", "attached, no numbers yet");
  test::equal(scanned("252:0 "), "");
  test::equal(scanned("252:0 \n"), "");
  test::equal(scanned("(unknown) rbytes=9 wbytes=9 rios=9 wios=9\n8:0 rbytes=1 wbytes=2 rios=3 wios=4\n"), "8:0=1,2,3,4 ",
        "hidden device");
  test::equal(scanned("(unknown) rbytes=9\n(unknown) rbytes=x\n"), "");
  test::equal(scanned("8:0 cost.usage=1\n"), "", "none of the four: not a device with zeros");
}};

const test::Test kBad{"cgroup: io.stat that is not whole is refused and leaves no device", [] {
  test::equal(scanned("8:0 rbytes=1 wbytes=2 rios=3 wios=4"), refused(ScanError::kTruncated));
  test::equal(scanned("8:0 rbytes=1 wbytes=2 rios=3 wios=4\n8:1 rby"), refused(ScanError::kTruncated));
  test::equal(scanned("8:0 rbytes=1 wbytes=2\n"), refused(ScanError::kSyntax));
  test::equal(scanned("8:1 rbytes=1 wbytes=2 rios=3 wios=4\n8:0 rbytes=1\n"), refused(ScanError::kSyntax), "rolls back");
  test::equal(scanned("rbytes=1 wbytes=2 rios=3 wios=4\n"), refused(ScanError::kSyntax));
  test::equal(scanned("sda rbytes=1 wbytes=2 rios=3 wios=4\n"), refused(ScanError::kSyntax));
  test::equal(scanned("8: rbytes=1 wbytes=2 rios=3 wios=4\n"), refused(ScanError::kSyntax));
  test::equal(scanned("-8:0 rbytes=1 wbytes=2 rios=3 wios=4\n"), refused(ScanError::kSyntax));
  test::equal(scanned("8:0 rbytes=-1 wbytes=2 rios=3 wios=4\n"), refused(ScanError::kNumber));
  test::equal(scanned("8:0 rbytes= wbytes=2 rios=3 wios=4\n"), refused(ScanError::kNumber));
  test::equal(scanned("8:0 rbytes=18446744073709551616 wbytes=2 rios=3 wios=4\n"), refused(ScanError::kNumber));
  test::equal(scanned("8:0 rbytes=1 rbytes=1 wbytes=2 rios=3 wios=4\n"), refused(ScanError::kDuplicate));
  test::equal(scanned("8:0 rbytes=1 wbytes=2 rios=3 wios=4\n8:0 rbytes=1 wbytes=2 rios=3 wios=4\n"),
        refused(ScanError::kDuplicate));
  test::equal(scanned(std::string(1 << 20, '8')), refused(ScanError::kTruncated), "1 MiB without newline");
}};

const test::Test kMany{"cgroup: io.stat takes the devices a large machine has, and refuses more instead of cutting", [] {
  const auto lines = [](std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; i++) text += "8:" + std::to_string(i) + " rbytes=1 wbytes=2 rios=3 wios=4\n";
    return text;
  };
  std::vector<IoDevice> devices;
  const auto full = scan_io_stat(lines(kMaxIoDevices), devices);
  check(full.ok() && full.value() == kMaxIoDevices && devices.size() == kMaxIoDevices);
  test::equal(scanned(lines(kMaxIoDevices + 1)), refused(ScanError::kTooMany));
}};

const test::Test kAppends{"cgroup: io.stat appends to what other cgroups gave", [] {
  std::vector<IoDevice> devices(2);
  const auto result = scan_io_stat("0:0 rbytes=1 wbytes=2 rios=3 wios=4\n", devices);
  check(result.ok() && result.value() == 1 && devices.size() == 3);
  check(!scan_io_stat("8:0 rbytes=1\n", devices).ok());
  test::equal(devices.size(), 3u);
}};

const test::Test kCut{"cgroup: io.stat cut at any byte gives whole devices or none", [] {
  const std::string first = "8:16 rbytes=123 wbytes=456 rios=7 wios=89 dbytes=0 dios=0\n";
  const std::string whole = first + "8:0 rbytes=11 wbytes=22 rios=33 wios=44 dbytes=0 dios=0\n";
  for (std::size_t size = 0; size < whole.size(); size++) {
    const std::string out = scanned(whole.substr(0, size));
    check(out.starts_with("!") || out == (size < first.size() ? "" : "8:16=123,456,7,89 "), whole.substr(0, size));
  }
}};

}  // namespace
}  // namespace unitscope::cgroup
