// One message, and such as differ from it by a byte, in turn. For any input: a reader that remembers those before says the same of
// each as one that has read none, down to the offset of what is wrong.
#include <cstdint>
#include <vector>

#include "dbus_mutator.h"
#include "require.h"
#include "support/same_reading.h"
#include "target.h"

namespace {

using namespace unitscope;

/// Of each input; the changes follow from its bytes, so that an input alone says what happens.
constexpr int kChanges = 24;

void read(test::SameReading& reading, Bytes bytes) {
  if (bytes.size() < dbus::kFixedHeaderBytes) return;
  const auto frame = dbus::parse_frame(bytes);
  if (!frame || frame.value().message_bytes != bytes.size()) return;
  require(reading.differs(frame.value(), bytes).empty());
}

void run(Bytes input) {
  if (input.size() < dbus::kFixedHeaderBytes) return;
  const auto frame = dbus::parse_frame(input);
  if (!frame || frame.value().message_bytes > input.size()) return;
  std::vector<std::uint8_t> message(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(frame.value().message_bytes));
  std::uint32_t seed = 0;
  for (const std::uint8_t byte : input) seed = seed * 31 + byte;
  test::SameReading reading;
  read(reading, message);
  for (int i = 0; i < kChanges; i++) {
    seed = seed * 1664525 + 1013904223;  // Numerical Recipes' generator: its upper bits are good enough
    std::uint8_t& byte = message[(seed >> 8) % message.size()];
    const std::uint8_t before = byte;
    // Lengths and types are small numbers: half of the changes are by one bit or to a near value.
    byte = static_cast<std::uint8_t>(seed >> 31 == 0 ? byte ^ 1u << (seed >> 28 & 7) : seed >> 20);
    read(reading, message);
    byte = before;
    read(reading, message);
  }
}

const fuzz::Register kTarget{{"dbus_known", run, fuzz::mutate_message, nullptr, "dbus_message"}};

}  // namespace
