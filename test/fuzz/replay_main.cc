// unitscope_fuzz_replay [TARGET [FILE...]]: runs the committed corpus (or these files) through the targets once, without
// libFuzzer, from the project's root. Prints `N tests, N failed`, a test being a target; a crash names its input.
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <unistd.h>

#include "target.h"

namespace {

using unitscope::fuzz::Target;

constexpr const char* kCorpus = "test/fuzz/corpus/";
std::string running;

void crashed(int) {
  for (const char* const text : {"crashed on ", running.c_str(), "\n"}) {
    if (::write(STDERR_FILENO, text, std::strlen(text)) < 0) break;
  }
  ::_exit(1);
}

void run(const Target& target, const std::string& path) {
  running = path;
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> input{std::istreambuf_iterator<char>(file), {}};
  // A copy of exact size: an over-read shows under ASan.
  const std::vector<std::uint8_t> exact(input.begin(), input.end());
  target.run(exact);
}

/// All files of the target's corpus; false when there are none, and it was never tried.
bool run_corpus(const Target& target) {
  std::error_code missing;
  const std::string_view owner = target.corpus_of.empty() ? target.name : target.corpus_of;
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kCorpus + std::string(owner), missing)) {
    run(target, entry.path());
    files++;
  }
  if (files == 0) std::fprintf(stderr, "FAILED %s: no corpus\n", target.name.data());
  return files > 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGABRT, crashed);  // the sanitizers', too, with abort_on_error=1
  std::size_t ran = 0, failed = 0;
  for (const Target& target : unitscope::fuzz::targets()) {
    if (argc > 1 && target.name != argv[1]) continue;
    bool ok = true;
    for (int i = 2; i < argc; i++) run(target, argv[i]);
    if (argc <= 2) ok = run_corpus(target);
    ran++;
    failed += ok ? 0u : 1u;
  }
  std::printf("%zu tests, %zu failed\n", ran, failed);
  return failed == 0 && ran > 0 ? 0 : 1;
}
