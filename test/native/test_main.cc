#include "harness.h"

/// Runs every test whose name holds all of the arguments; prints the failed ones and one summary line.
int main(int argc, char** argv) {
  using namespace unitscope::test;
  std::size_t ran = 0, failed = 0;
  for (const Case& each : cases()) {
    bool wanted = true;
    for (int i = 1; i < argc; i++) wanted = wanted && each.name.find(argv[i]) != std::string_view::npos;
    if (!wanted) continue;
    const int before = failures;
    each.body();
    ran++;
    if (failures == before) continue;
    failed++;
    std::fprintf(stderr, "FAILED %.*s\n", static_cast<int>(each.name.size()), each.name.data());
  }
  std::printf("%zu tests, %zu failed\n", ran, failed);
  return failed == 0 && ran > 0 ? 0 : 1;
}
