#include "core/base/parse_int.h"

#include <cstdint>

#include "harness.h"

namespace unitscope {
namespace {

using test::check;

const test::Test kWhole{"parse_int takes whole numbers only, and nothing that overflows", [] {
  check(parse_int<std::uint64_t>("18446744073709551615") == UINT64_MAX);
  check(!parse_int<std::uint64_t>("18446744073709551616"));
  check(!parse_int<std::uint64_t>("-1"));
  check(!parse_int<std::uint64_t>("+1"));
  check(!parse_int<std::uint64_t>(""));
  check(!parse_int<std::uint64_t>(" 1"));
  check(!parse_int<std::uint64_t>("1 "));
  check(parse_int<std::int32_t>("-7") == -7);
  check(parse_int<std::uint8_t>("2d", 16) == 0x2d);
  check(!parse_int<std::uint8_t>("2g", 16));
}};

}  // namespace
}  // namespace unitscope
