#pragma once

#include <string>
#include <vector>

#include "core/dbus/message.h"
#include "support/message_builder.h"

namespace unitscope::test {

/// `ok`, or the reason for which these bytes, taken as one message, are refused. `short` when more bytes are needed.
inline std::string verdict(const std::vector<std::uint8_t>& bytes) {
  if (bytes.size() < dbus::kFixedHeaderBytes) return "short";
  const auto frame = dbus::parse_frame(bytes);
  if (!frame) return std::string(name(frame.error().reason));
  if (frame.value().message_bytes > bytes.size()) return "short";
  const auto message = dbus::parse_header(frame.value(), Bytes(bytes).first(frame.value().message_bytes));
  if (!message) return std::string(name(message.error().reason));
  const auto body = dbus::check_body(message.value());
  return body ? "ok" : std::string(name(body.error().reason));
}
inline std::string verdict(const MessageParts& parts) { return verdict(parts.bytes()); }

}  // namespace unitscope::test
