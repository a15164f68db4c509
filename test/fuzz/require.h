#pragma once

#include <cstdlib>

/// Ends the run with a crash that libFuzzer reports, with its stack.
inline void require(bool holds) {
  if (!holds) std::abort();
}
