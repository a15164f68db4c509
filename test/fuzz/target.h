#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"

/// What one file fuzz_<name>.cc holds. All targets are one program, which libFuzzer drives (libfuzzer_main.cc), and a second
/// one that runs the corpus without it (replay_main.cc).
namespace unitscope::fuzz {

/// Changes an input in place as libFuzzer does it; answers the new size.
using Mutate = std::size_t (*)(std::uint8_t* data, std::size_t size, std::size_t max_size);

struct Target {
  std::string_view name;
  /// Takes any input, in memory of its exact size, and ends the program when what must hold does not.
  void (*run)(Bytes) = nullptr;
  /// Changes an input in a way that keeps it interesting; `any` changes it in any way.
  std::size_t (*mutate)(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed, Mutate any) = nullptr;
  /// Prints how far the inputs got.
  void (*report)() = nullptr;
  /// The target whose corpus is also this one's; its own without.
  std::string_view corpus_of = {};
};

inline std::vector<Target>& targets() {
  static std::vector<Target> all;
  return all;
}

/// `const Register kTarget{{"name", run}};` at namespace scope.
struct Register {
  explicit Register(const Target& target) { targets().push_back(target); }
};

}  // namespace unitscope::fuzz
