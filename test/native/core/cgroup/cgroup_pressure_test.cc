#include "core/cgroup/pressure.h"

#include <string>

#include "harness.h"

namespace unitscope::cgroup {
namespace {

using test::check;

const test::Test kGood{"cgroup: pressure keeps the kernel's two decimals exactly", [] {
  const auto both = scan_pressure(
      "some avg10=1.07 avg60=0.10 avg300=0.00 total=123456\nfull avg10=100.00 avg60=0.00 avg300=0.00 total=99\n");
  check(both.ok());
  if (!both.ok()) return;
  test::equal(both.value().some.avg10_hundredths, 107u);
  test::equal(both.value().some.total_usec, 123456u);
  check(both.value().full.has_value());
  test::equal(both.value().full->avg10_hundredths, 10000u);
  test::equal(both.value().full->total_usec, 99u);
}};

const test::Test kOld{"cgroup: a pressure file without a full line has no full, not zero", [] {
  const auto only = scan_pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n");
  check(only.ok() && !only.value().full.has_value());
  const auto later = scan_pressure("some avg10=0.00 new=x total=5 avg20=1\nweird line\n");
  check(later.ok() && later.value().some.total_usec == 5);
}};

const test::Test kBad{"cgroup: pressure that is not whole is refused", [] {
  const auto refused = [](std::string_view text, ScanError error,
                          const std::source_location& at = std::source_location::current()) {
    const auto result = scan_pressure(text);
    check(!result.ok(), text, at);
    if (!result.ok()) test::equal(int(result.error()), int(error), text, at);
  };
  refused("", ScanError::kEmpty);
  refused("some avg10=0.00 total=5", ScanError::kTruncated);
  refused("full avg10=0.00 total=5\n", ScanError::kSyntax);
  refused("some avg10=0.00\n", ScanError::kSyntax);
  refused("some total=5\n", ScanError::kSyntax);
  refused("some\n", ScanError::kSyntax);
  refused("some avg10=0.0 total=5\n", ScanError::kNumber);
  refused("some avg10=0.000 total=5\n", ScanError::kNumber);
  refused("some avg10=-1.00 total=5\n", ScanError::kNumber);
  refused("some avg10=.00 total=5\n", ScanError::kNumber);
  refused("some avg10=99999999999.00 total=5\n", ScanError::kNumber);
  refused("some avg10=0.00 total=-5\n", ScanError::kNumber);
  refused("some avg10=0.00 total=18446744073709551616\n", ScanError::kNumber);
  refused("some avg10=0.00 total=5 total=6\n", ScanError::kDuplicate);
  refused("some avg10=0.00 total=5\nsome avg10=0.00 total=5\n", ScanError::kDuplicate);
}};

const test::Test kCut{"cgroup: pressure cut at any byte invents no number", [] {
  const std::string whole =
      "some avg10=12.34 avg60=0.00 avg300=0.00 total=5678\nfull avg10=1.00 avg60=0.00 avg300=0.00 total=90\n";
  for (std::size_t size = 0; size < whole.size(); size++) {
    const std::string text = whole.substr(0, size);
    const auto result = scan_pressure(text);
    test::equal(result.ok(), size > 0 && text.back() == '\n', text);
    if (!result.ok()) continue;
    test::equal(result.value().some.total_usec, 5678u, text);
    check(!result.value().full.has_value(), text);
  }
}};

}  // namespace
}  // namespace unitscope::cgroup
