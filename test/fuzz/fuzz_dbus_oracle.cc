// One message, judged and read by this parser and by libdbus: alike, but for the divergences that test/native/oracle lists.
#include <cstdio>
#include <string>
#include <vector>

#include "dbus_mutator.h"
#include "oracle/differ.h"
#include "require.h"
#include "target.h"

namespace {

using namespace unitscope;

void run(Bytes input) {
  const std::string difference = test::difference({input.begin(), input.end()});
  if (!difference.empty()) std::fprintf(stderr, "%s\n", difference.c_str());
  require(difference.empty());
}

const fuzz::Register kTarget{{"dbus_oracle", run, fuzz::mutate_message, nullptr, "dbus_message"}};

}  // namespace
