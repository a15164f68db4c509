#include "runtime/gathering.h"

#include "harness.h"

namespace unitscope {
namespace {

using test::check;
using test::equal;

const test::Test kGathers{"gathering: from the first thing on, for its time, and not longer for those that follow", [] {
  Gathering gathering(10'000'000);
  equal(gathering.timeout_ms(0), -1, "nothing to wait for");
  check(!gathering.over(UINT64_MAX));
  check(!gathering.end());
  gathering.begin(1'000'000);
  gathering.begin(9'000'000);
  equal(gathering.timeout_ms(1'000'000), 10);
  equal(gathering.timeout_ms(10'000'001), 1, "never too early");
  check(!gathering.over(10'999'999));
  check(gathering.over(11'000'000));
  equal(gathering.timeout_ms(12'000'000), 0);
  check(gathering.end());
  check(!gathering.over(12'000'000));
  equal(gathering.timeout_ms(12'000'000), -1);
}};

const test::Test kLong{"gathering: a time beyond all clocks is for ever", [] {
  Gathering gathering(UINT64_MAX);
  gathering.begin(5);
  equal(gathering.timeout_ms(5), INT32_MAX);
  check(!gathering.over(UINT64_MAX - 2));
}};

}  // namespace
}  // namespace unitscope
