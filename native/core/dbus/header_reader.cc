#include "core/dbus/header_reader.h"

#include "core/dbus/names.h"
#include "core/dbus/wire_reader.h"

namespace unitscope::dbus {
namespace {

/// Code, signature and padding of the field that holds the path; sd-bus writes it first.
constexpr std::array<std::uint8_t, 4> kPathField{1, 1, 'o', 0};

}  // namespace

Result<Message, Rejection> HeaderReader::read(const Frame& frame, Bytes bytes) noexcept {
  std::string_view path;
  const std::size_t at = read_path(frame, bytes, path);
  if (at == 0) return parse_header(frame, bytes);
  const Bytes rest = bytes.subspan(at, frame.header_bytes() - at);
  Known& known = known_[rest.size() / 8 % kSlots];
  // What the rest means does not depend on the path, but for two things: which fields a message of this type must have, and
  // that a body and its signature are there together.
  const bool same = known.rest.bytes().size() == rest.size() && known.field_bytes == kFixedHeaderBytes + frame.field_bytes - at &&
                    known.type == frame.type && (frame.body_bytes == 0) == known.message.signature.empty() && known.rest.begin(rest);
  if (!same) {
    const auto parsed = parse_header(frame, bytes);
    if (parsed) remember(known, parsed.value(), at);
    return parsed;
  }
  Message message = known.message;
  message.frame = frame;
  message.bytes = bytes;
  message.path = path;
  return message;
}

std::size_t HeaderReader::read_path(const Frame& frame, Bytes bytes, std::string_view& path) noexcept {
  if (frame.field_bytes < kPathField.size()) return 0;
  if (std::memcmp(bytes.data() + kFixedHeaderBytes, kPathField.data(), kPathField.size()) != 0) return 0;
  WireReader in(bytes.first(frame.header_bytes()), frame.order, kFixedHeaderBytes + kPathField.size());
  if (!in.is_native()) return 0;
  path = in.read_path();
  in.align(8);
  return in.ok() && !is_reserved_path(path) && in.offset() <= kFixedHeaderBytes + frame.field_bytes ? in.offset() : 0;
}

void HeaderReader::remember(Known& known, const Message& message, std::size_t rest_at) noexcept {
  const Bytes rest = message.bytes.subspan(rest_at, message.frame.header_bytes() - rest_at);
  known.rest.remember(rest);
  if (known.rest.empty()) return;
  known.field_bytes = kFixedHeaderBytes + message.frame.field_bytes - rest_at;
  known.type = message.frame.type;
  known.message = message;
  const auto moved = [&](std::string_view& text) {
    if (text.data() == nullptr) return;
    const auto offset = reinterpret_cast<const std::uint8_t*>(text.data()) - rest.data();
    text = {reinterpret_cast<const char*>(known.rest.bytes().data()) + offset, text.size()};
  };
  for (std::string_view* text : {&known.message.interface, &known.message.member, &known.message.error_name,
                                 &known.message.destination, &known.message.sender, &known.message.signature}) moved(*text);
}

}  // namespace unitscope::dbus
