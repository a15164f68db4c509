#include "core/cgroup/scan.h"

#include <array>
#include <optional>
#include <string>

#include "harness.h"

namespace unitscope::cgroup {
namespace {

using test::check;

constexpr std::array<std::string_view, 3> kKeys = {"usage_usec", "user_usec", "system_usec"};
constexpr std::uint64_t kUntouched = 77;

struct Expected {
  std::optional<ScanError> error;
  std::uint32_t present = 0;
  std::array<std::uint64_t, 3> values = {kUntouched, kUntouched, kUntouched};
};

void keyed(const std::string& text, const Expected& expected,
           const std::source_location& at = std::source_location::current()) {
  std::array<std::uint64_t, 3> values = {kUntouched, kUntouched, kUntouched};
  const auto result = scan_keyed(text, kKeys, values);
  const std::string shown = text.substr(0, 60);
  test::equal(result.ok(), !expected.error.has_value(), shown, at);
  if (!result.ok() && expected.error) test::equal(int(result.error()), int(*expected.error), shown, at);
  if (result.ok()) test::equal(result.value(), expected.present, shown, at);
  for (std::size_t i = 0; i < 3; i++) test::equal(values[i], expected.values[i], shown, at);
}

const test::Test kKeyedGood{"cgroup: keyed files give the keys asked for, in any order, with unknown ones between", [] {
  keyed("usage_usec 10\nuser_usec 7\nsystem_usec 3\n", {{}, 0b111, {10, 7, 3}});
  keyed("system_usec 3\nnr_periods 1\nusage_usec 10\n", {{}, 0b101, {10, kUntouched, 3}});
  keyed("usage_usec 18446744073709551615\n", {{}, 0b001, {UINT64_MAX, kUntouched, kUntouched}});
  keyed("usage_usec 0\n", {{}, 0b001, {0, kUntouched, kUntouched}});
  keyed("usage_usec2 5\nusage_use 5\n", {});
  keyed("unknown\n\nunknown -1\nunknown 18446744073709551616\n", {});
  keyed(std::string(1 << 20, 'x') + "\nuser_usec 7\n", {{}, 0b010, {kUntouched, 7, kUntouched}});
}};

const test::Test kKeyedBad{"cgroup: keyed files that are not whole or not numbers are refused and change nothing", [] {
  keyed("", {ScanError::kEmpty});
  keyed("usage_usec 10", {ScanError::kTruncated});
  keyed("usage_usec 10\nuser_usec", {ScanError::kTruncated});
  keyed("usage_usec\n", {ScanError::kSyntax});
  keyed("usage_usec \n", {ScanError::kNumber});
  keyed("usage_usec -1\n", {ScanError::kNumber});
  keyed("usage_usec max\n", {ScanError::kNumber});
  keyed("usage_usec 1.5\n", {ScanError::kNumber});
  keyed("usage_usec  1\n", {ScanError::kNumber});
  keyed("usage_usec 1 \n", {ScanError::kNumber});
  keyed("usage_usec 18446744073709551616\n", {ScanError::kNumber});
  keyed("usage_usec 1\nuser_usec 2\nusage_usec 3\n", {ScanError::kDuplicate});
  keyed("usage_usec " + std::string(1 << 20, '9') + "\n", {ScanError::kNumber});
  keyed(std::string(1 << 20, 'x'), {ScanError::kTruncated});
}};

const test::Test kKeyedCut{"cgroup: a keyed file cut at any byte gives whole values or none", [] {
  const std::string whole = "usage_usec 1234\nuser_usec 567\nnr_bursts 0\nsystem_usec 89\n";
  constexpr std::array<std::uint64_t, 3> kTrue = {1234, 567, 89};
  for (std::size_t size = 0; size < whole.size(); size++) {
    std::array<std::uint64_t, 3> values = {kUntouched, kUntouched, kUntouched};
    const std::string text = whole.substr(0, size);  // exact size: an over-read shows under ASan
    const auto result = scan_keyed(text, kKeys, values);
    test::equal(result.ok(), size > 0 && text.back() == '\n', text);
    for (std::size_t i = 0; i < 3; i++) {
      const bool present = result.ok() && (result.value() >> i & 1u) != 0;
      test::equal(values[i], present ? kTrue[i] : kUntouched, text);
    }
  }
}};

void number(std::string_view text, std::optional<std::uint64_t> value, std::optional<ScanError> error = {},
            const std::source_location& at = std::source_location::current()) {
  const auto result = scan_number(text);
  test::equal(result.ok(), value.has_value(), text, at);
  if (result.ok() && value) test::equal(result.value(), *value, text, at);
  if (!result.ok() && error) test::equal(int(result.error()), int(*error), text, at);
}

const test::Test kNumber{"cgroup: a single number is one whole line", [] {
  number("0\n", 0);
  number("4096\n", 4096);
  number("18446744073709551615\n", UINT64_MAX);
  number("", {}, ScanError::kEmpty);
  number("4096", {}, ScanError::kTruncated);
  number("\n", {}, ScanError::kNumber);
  number("max\n", {}, ScanError::kNumber);
  number("-1\n", {}, ScanError::kNumber);
  number("18446744073709551616\n", {}, ScanError::kNumber);
  number("1\n2\n", {}, ScanError::kSyntax);
  number("1\n2", {}, ScanError::kSyntax);
}};

const test::Test kLimit{"cgroup: a limit is a number or max, and max is not a number", [] {
  const auto none = scan_limit("max\n");
  check(none.ok() && none.value().unlimited);
  const auto some = scan_limit("9223372036854771712\n");
  check(some.ok() && !some.value().unlimited && some.value().value == 9223372036854771712u);
  const auto zero = scan_limit("0\n");
  check(zero.ok() && !zero.value().unlimited && zero.value().value == 0);
  for (const std::string_view bad : {"", "max", "ma\n", "maxx\n", "max \n", "MAX\n", "-1\n", "1", "max\nmax\n"}) {
    check(!scan_limit(bad).ok(), bad);
  }
}};

}  // namespace
}  // namespace unitscope::cgroup
