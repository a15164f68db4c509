#include "harness.h"

/// Runs every test whose name holds argv[1] (all without it); prints the failed ones and one summary line.
int main(int argc, char** argv) {
  using namespace unitscope::test;
  const std::string_view wanted = argc > 1 ? argv[1] : "";
  std::size_t ran = 0, failed = 0;
  for (const Case& each : cases()) {
    if (each.name.find(wanted) == std::string_view::npos) continue;
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
