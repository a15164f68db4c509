// unitscope_fuzz TARGET [libFuzzer's arguments]
#include <cstdio>
#include <cstdlib>

#include "target.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

using unitscope::fuzz::Target;
using unitscope::fuzz::targets;

const Target* chosen = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  for (const Target& each : targets()) {
    if (*argc > 1 && each.name == (*argv)[1]) chosen = &each;
  }
  if (chosen == nullptr) {
    std::fprintf(stderr, "usage: unitscope_fuzz TARGET [libFuzzer's arguments]; targets:\n");
    for (const Target& each : targets()) std::fprintf(stderr, "  %s\n", each.name.data());
    std::exit(2);
  }
  for (int i = 1; i + 1 < *argc; i++) (*argv)[i] = (*argv)[i + 1];
  (*argc)--;
  if (chosen->report != nullptr) std::atexit(chosen->report);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chosen->run({data, size});
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed) {
  if (chosen->mutate == nullptr) return LLVMFuzzerMutate(data, size, max_size);
  return chosen->mutate(data, size, max_size, seed, LLVMFuzzerMutate);
}
