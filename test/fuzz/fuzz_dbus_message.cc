// One message. For any input: what is taken lies within it and is as long as its header says; its values, marshalled anew, are
// its body byte for byte (there is one way to write a value), and so they are when they went through the other byte order.
#include <cstdio>
#include <string>
#include <vector>

#include "core/dbus/message.h"
#include "core/dbus/names.h"
#include "dbus_mutator.h"
#include "require.h"
#include "support/walk.h"
#include "target.h"

namespace {

using namespace unitscope;

std::size_t inputs = 0, past_header = 0, taken = 0;

std::vector<std::uint8_t> marshalled(Bytes body, std::string_view types, ByteOrder from, ByteOrder to) {
  test::Marshaller out(from, to);
  dbus::WireReader in(body, from);
  test::walk(in, types, out);
  require(in.ok() && in.at_end());
  return out.wire.bytes;
}

void require_sound(const dbus::Message& message) {
  require(message.path.empty() || dbus::is_object_path(message.path));
  require(message.member.empty() || dbus::is_member(message.member));
  for (const auto name : {message.interface, message.error_name}) require(name.empty() || dbus::is_interface(name));
  for (const auto name : {message.sender, message.destination}) require(name.empty() || dbus::is_bus_name(name));
  require(message.frame.body_bytes == 0 || !message.signature.empty());
}

void run(Bytes input) {
  inputs++;
  if (input.size() < dbus::kFixedHeaderBytes) return;
  const auto frame = dbus::parse_frame(input);
  if (!frame) return require(frame.error().offset < dbus::kFixedHeaderBytes);
  const auto [order, size] = std::pair{frame.value().order, frame.value().message_bytes};
  require(size >= dbus::kFixedHeaderBytes && size <= dbus::kMaxMessageBytes);
  if (size > input.size()) return;
  const std::vector<std::uint8_t> exact(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(size));
  const auto message = dbus::parse_header(frame.value(), exact);
  if (!message) return require(message.error().offset <= frame.value().header_bytes());
  past_header++;
  require_sound(message.value());
  if (const auto checked = dbus::check_body(message.value()); !checked) return require(checked.error().offset <= size);
  taken++;
  // Bodies begin at a multiple of 8, so they can be walked by themselves.
  const Bytes body = Bytes(exact).subspan(frame.value().header_bytes());
  const auto other = order == ByteOrder::kLittle ? ByteOrder::kBig : ByteOrder::kLittle;
  const std::string_view types = message.value().signature;
  require(marshalled(body, types, order, order) == std::vector<std::uint8_t>(body.begin(), body.end()));
  const auto swapped = marshalled(body, types, order, other);
  require(marshalled(swapped, types, other, order) == std::vector<std::uint8_t>(body.begin(), body.end()));
}

/// fuzz.mjs reads this line.
void report() { std::fprintf(stderr, "%zu of %zu inputs past the header, %zu taken\n", past_header, inputs, taken); }

const fuzz::Register kTarget{{"dbus_message", run, fuzz::mutate_message, report}};

}  // namespace
