#include "support/named_messages.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "harness.h"
#include "support/verdict.h"

namespace unitscope::dbus {
namespace {

// Tests run in the project's root.
constexpr const char* kCorpus = "test/fuzz/corpus/dbus_message/";

const test::Test kVerdicts{"dbus message: each of the named messages is taken, or refused by the name of what is wrong with it", [] {
  const auto all = test::named_messages();
  test::check(all.size() >= 81, "none was taken out");
  for (const auto& each : all) test::equal(test::verdict(each.bytes), each.verdict, each.what);
}};

const test::Test kSeeds{"dbus message: each of the named messages is a seed of the fuzz target; UPDATE_GOLDEN=1 writes them anew", [] {
  std::set<std::string> files;
  for (const auto& each : test::named_messages()) {
    const std::string path = kCorpus + each.file();
    test::check(files.insert(each.file()).second, "twice: " + each.file());
    if (std::getenv("UPDATE_GOLDEN") != nullptr) {
      std::filesystem::create_directories(kCorpus);
      std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(each.bytes.data()), static_cast<std::streamsize>(each.bytes.size()));
    }
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> seed{std::istreambuf_iterator<char>(file), {}};
    test::check(std::vector<std::uint8_t>(seed.begin(), seed.end()) == each.bytes, path);
  }
}};

}  // namespace
}  // namespace unitscope::dbus
