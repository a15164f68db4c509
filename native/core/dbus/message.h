#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/dbus/reason.h"

namespace unitscope::dbus {

/// Specification, "Message Protocol". dbus-daemon's own default is 32 MiB, dbus-broker has none of its own.
inline constexpr std::size_t kMaxMessageBytes = 128u * 1024 * 1024;
/// The part of the header that tells how long the message is.
inline constexpr std::size_t kFixedHeaderBytes = 16;

enum class MessageType : std::uint8_t { kMethodCall = 1, kMethodReturn = 2, kError = 3, kSignal = 4 };

/// The fixed part of a header, checked.
struct Frame {
  ByteOrder order = ByteOrder::kLittle;
  std::uint8_t type = 0;
  std::uint32_t serial = 0;
  std::uint32_t body_bytes = 0;
  /// Of the header-field array, without its padding.
  std::uint32_t field_bytes = 0;
  /// Header with padding, and body.
  std::size_t message_bytes = 0;

  [[nodiscard]] std::size_t header_bytes() const noexcept { return message_bytes - body_bytes; }
};

/// A message with its header checked and its body not yet looked at. Views point into the bytes it was parsed from;
/// fields that are not there are empty.
struct Message {
  Frame frame;
  std::uint32_t reply_serial = 0;
  std::string_view path;
  std::string_view interface;
  std::string_view member;
  std::string_view error_name;
  std::string_view destination;
  std::string_view sender;
  std::string_view signature;
  /// The whole message: bodies are aligned to its start, and rejections count from there.
  Bytes bytes;

  [[nodiscard]] bool is(MessageType type) const noexcept { return frame.type == static_cast<std::uint8_t>(type); }
};

/// Checks the first kFixedHeaderBytes of a message; `bytes` must hold that many. Types above 4 are accepted: the
/// specification wants them ignored.
[[nodiscard]] Result<Frame, Rejection> parse_frame(Bytes bytes) noexcept;

/// Checks the whole header of one message; `bytes` holds exactly frame.message_bytes.
[[nodiscard]] Result<Message, Rejection> parse_header(const Frame& frame, Bytes bytes) noexcept;

/// Checks every value of the body against the signature.
[[nodiscard]] Result<void, Rejection> check_body(const Message& message) noexcept;

}  // namespace unitscope::dbus
