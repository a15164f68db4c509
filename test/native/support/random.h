#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

namespace unitscope::test {

/// Numbers of a property test. The seed is fixed, or UNITSCOPE_TEST_SEED's, and stands in every failure's text.
class Random {
 public:
  Random() : seed_(from_environment()), engine_(seed_) {}

  /// 0 to `end` - 1.
  std::uint32_t below(std::uint32_t end) { return static_cast<std::uint32_t>(engine_() % end); }
  bool one_in(std::uint32_t n) { return below(n) == 0; }
  [[nodiscard]] std::string seed() const { return "UNITSCOPE_TEST_SEED=" + std::to_string(seed_); }

 private:
  static std::uint64_t from_environment() {
    const char* const text = std::getenv("UNITSCOPE_TEST_SEED");
    return text == nullptr ? 20260101 : std::strtoull(text, nullptr, 10);
  }

  std::uint64_t seed_;
  std::mt19937_64 engine_;
};

}  // namespace unitscope::test
