// Server addresses. For any text: a mistake is told within it; what is accepted fits a socket's name, and written with every
// byte escaped it is the same address again.
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/dbus/address.h"
#include "require.h"
#include "target.h"

namespace {

using namespace unitscope::dbus;

std::string written(const UnixAddress& address) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = address.abstract ? "unix:abstract=" : "unix:path=";
  for (const char c : address.path) {
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

void run(unitscope::Bytes input) {
  const std::string exact(input.begin(), input.end());
  const auto all = parse_address(exact);
  if (!all) {
    return require(all.error().offset <= input.size() && !name(all.error().code).empty());
  }
  require(!all.value().empty());
  for (const UnixAddress& each : all.value()) {
    require(!each.path.empty() && each.path.size() <= kMaxSocketPath && each.path.find('\0') == std::string::npos);
    const auto again = parse_address(written(each));
    require(again.ok() && again.value().size() == 1);
    require(again.value()[0].path == each.path && again.value()[0].abstract == each.abstract);
  }
}

const unitscope::fuzz::Register kTarget{{"dbus_address", run}};

}  // namespace
