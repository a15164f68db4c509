#include <csignal>
#include <cstring>

#include <unistd.h>

#include "harness.h"

namespace {

/// Of one test. The longest takes 10 s of CPU under a sanitizer on a slow machine, and beside the lab, which it gives way to, many times
/// as long as that; who takes longer than this hangs.
constexpr unsigned kLimitSeconds = 400;
const char* running = "";

void hangs(int) {
  for (const char* const text : {"FAILED (hangs) ", running, "\n"}) {
    if (::write(STDERR_FILENO, text, std::strlen(text)) < 0) break;
  }
  ::_exit(1);
}

}  // namespace

/// Runs every test whose name holds all of the arguments; prints the failed ones and one summary line.
int main(int argc, char** argv) {
  using namespace unitscope::test;
  std::signal(SIGALRM, hangs);
  std::size_t ran = 0, failed = 0;
  for (const Case& each : cases()) {
    bool wanted = true;
    for (int i = 1; i < argc; i++) wanted = wanted && each.name.find(argv[i]) != std::string_view::npos;
    if (!wanted) continue;
    const int before = failures;
    running = each.name.data();  // names are literals
    ::alarm(kLimitSeconds);
    each.body();
    ran++;
    if (failures == before) continue;
    failed++;
    std::fprintf(stderr, "FAILED %.*s\n", static_cast<int>(each.name.size()), each.name.data());
  }
  std::printf("%zu tests, %zu failed\n", ran, failed);
  return failed == 0 && ran > 0 ? 0 : 1;
}
