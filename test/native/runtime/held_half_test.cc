#include "runtime/held_half.h"

#include "harness.h"

namespace unitscope {
namespace {

constexpr std::uint64_t kSecond = HeldHalf::kLongestNs;

const test::Test kBusy{"held half: overdue after a second of reads without a pause, and once", [] {
  HeldHalf half;
  test::check(!half.overdue(0, 1));
  test::check(!half.deadline());
  for (std::uint64_t now = 10; now < 10 + kSecond; now += kSecond / 10) test::check(!half.overdue(1, now));
  test::equal(half.deadline().value(), 10 + kSecond);
  test::check(half.overdue(1, 10 + kSecond));
  test::check(!half.overdue(1, 10 + 5 * kSecond) && !half.deadline(), "once");
}};

const test::Test kOther{"held half: another half has a second of its own, and none needs no waking", [] {
  HeldHalf half;
  for (std::uint64_t number = 1; number < 20; number++) test::check(!half.overdue(number, number * kSecond / 2));
  test::check(!half.overdue(0, 100 * kSecond) && !half.deadline());
}};

}  // namespace
}  // namespace unitscope
