#include "core/base/log_histogram.h"

#include <cstdint>

#include "harness.h"

namespace unitscope {
namespace {

using test::check;

const test::Test kEmpty{"a histogram without values says 0", [] {
  const LogHistogram none;
  check(none.count() == 0 && none.max() == 0 && none.mean() == 0 && none.per_mille(990) == 0);
}};

const test::Test kPercentiles{"percentiles are exact below 8, and at most an eighth too large above, never over the longest", [] {
  for (const std::uint32_t scale : {1U, 7U, 1000U, 40'000'000U}) {
    LogHistogram values;
    for (std::uint32_t i = 1; i <= 100; i++) values.add(i * scale);
    check(values.count() == 100 && values.max() == 100 * scale && values.mean() == 50.5 * scale);
    for (const std::uint32_t share : {10U, 500U, 990U, 1000U}) {
      const double exact = share / 10.0 * scale, told = values.per_mille(share);
      check(told >= exact && told <= exact * 1.125);
      check(told <= values.max());
    }
  }
}};

const test::Test kLimits{"the smallest and the largest value have their place, and reset forgets all", [] {
  LogHistogram values;
  values.add(0);
  check(values.per_mille(990) == 0 && values.count() == 1);
  values.add(UINT32_MAX);
  check(values.per_mille(500) == 0 && values.per_mille(990) == UINT32_MAX && values.max() == UINT32_MAX);
  values.reset();
  check(values.count() == 0 && values.max() == 0 && values.per_mille(990) == 0);
}};

}  // namespace
}  // namespace unitscope
