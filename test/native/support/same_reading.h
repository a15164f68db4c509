#pragma once

#include <cstring>
#include <string>

#include "core/batch/symbol_table.h"
#include "core/dbus/header_reader.h"
#include "core/dbus/unit_properties.h"

namespace unitscope::test {

/// A reader that has read other messages against one that has read none. What they say of the same message must be the same, to
/// the offset of what is wrong.
class SameReading {
 public:
  /// \param bytes  one message, as long as its frame says. Answers what differs, empty for nothing.
  [[nodiscard]] std::string differs(const dbus::Frame& frame, Bytes bytes) {
    const auto fresh = dbus::parse_header(frame, bytes);
    const auto known = headers_.read(frame, bytes);
    if (fresh.ok() != known.ok()) return "verdict on the header";
    if (!fresh.ok()) return same(fresh.error(), known.error()) ? "" : "reason of the header's rejection";
    const dbus::Message &a = fresh.value(), &b = known.value();
    if (a.path != b.path || a.interface != b.interface || a.member != b.member || a.error_name != b.error_name) return "names";
    if (a.destination != b.destination || a.sender != b.sender || a.signature != b.signature) return "addresses and signature";
    if (!same(a.frame, b.frame)) return "frame";
    if (a.reply_serial != b.reply_serial || a.bytes.data() != b.bytes.data() || a.bytes.size() != b.bytes.size()) return "bytes";
    return a.signature == "sa{sv}as" ? properties_differ(a) : "";
  }

 private:
  static bool same(const dbus::Rejection& a, const dbus::Rejection& b) { return a.reason == b.reason && a.offset == b.offset; }
  static bool same(const dbus::Frame& a, const dbus::Frame& b) {
    return a.order == b.order && a.type == b.type && a.serial == b.serial && a.body_bytes == b.body_bytes &&
           a.field_bytes == b.field_bytes && a.message_bytes == b.message_bytes;
  }

  std::string properties_differ(const dbus::Message& message) {
    dbus::PropertyReader fresh;
    const auto [a, state_a] = read(message, fresh);
    const auto [b, state_b] = read(message, properties_);
    if (a.ok() != b.ok()) return "verdict on the properties";
    if (!a.ok() && !same(a.rejection(), b.rejection())) return "reason of the properties' rejection";
    if (a.offset() != b.offset()) return "end of the properties";
    return std::memcmp(&state_a, &state_b, sizeof state_a) == 0 ? "" : "state";
  }
  std::pair<dbus::WireReader, UnitState> read(const dbus::Message& message, dbus::PropertyReader& reader) {
    dbus::WireReader in(message.bytes, message.frame.order, message.frame.header_bytes());
    UnitState state;
    (void)in.read_string();
    reader.read(in, symbols_, state);
    return {in, state};
  }

  SymbolTable symbols_;
  dbus::HeaderReader headers_;
  dbus::PropertyReader properties_;
};

}  // namespace unitscope::test
