// What a server answers to the handshake. For any input: the same outcome whatever the chunks, within 16 KiB of one line, and
// nothing is taken after the end.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/dbus/auth.h"
#include "require.h"
#include "target.h"

namespace {

using namespace unitscope;

struct Outcome {
  dbus::AuthState state;
  dbus::AuthCode code;
  std::size_t taken = 0;
  bool operator==(const Outcome&) const = default;
};

Outcome feed(Bytes bytes, std::size_t chunk) {
  dbus::AuthReader auth;
  Outcome out{};
  for (; !bytes.empty(); bytes = bytes.subspan(std::min(chunk, bytes.size()))) {
    const Bytes part = bytes.first(std::min(chunk, bytes.size()));
    const std::vector<std::uint8_t> exact(part.begin(), part.end());
    const bool over = auth.state() != dbus::AuthState::kWaiting;
    const std::size_t taken = auth.feed(exact);
    require(taken <= exact.size() && (!over || taken == 0));
    require(auth.state() != dbus::AuthState::kWaiting || taken == exact.size());
    out.taken += taken;
  }
  out.state = auth.state();
  out.code = auth.code();
  return out;
}

void run(Bytes bytes) {
  const Outcome whole = feed(bytes, bytes.size() + 1);
  require(whole == feed(bytes, 1) && whole == feed(bytes, 5));
  require(whole.taken <= dbus::AuthReader::kMaxLineBytes + 2);
  require((whole.state == dbus::AuthState::kFailed) == (whole.code != dbus::AuthCode::kNone));
}

const fuzz::Register kTarget{{"dbus_auth", run}};

}  // namespace
