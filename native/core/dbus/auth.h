#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/bytes.h"

namespace unitscope::dbus {

/// What a client writes first: SASL EXTERNAL as `uid`, and BEGIN in the same write.
///
/// BEGIN need not wait for OK, since EXTERNAL with an initial response has one round; and the bus messages must not
/// travel in the same write: sd-bus's server side leaves a message unhandled that it read together with BEGIN.
[[nodiscard]] std::string auth_request(std::uint32_t uid);

enum class AuthState : std::uint8_t { kWaiting, kDone, kFailed };

enum class AuthCode : std::uint8_t {
  kNone,
  kLineTooLong,
  /// NUL, a control byte, or a byte above 127.
  kBadByte,
  /// The server does not let this user in, or does not know EXTERNAL.
  kRejected,
  kError,
  kBadGuid,
  /// Anything else: a challenge where none is due, an unknown or lower-case command, D-Bus bytes before OK.
  kUnexpected,
};
[[nodiscard]] std::string_view name(AuthCode code) noexcept;

/// Reads the server's side of the handshake, byte by byte, whatever the chunks.
///
/// One line decides: `OK <32 hex digits>` ends it well, anything else ends it badly. So a server can make neither a loop
/// of errors nor of challenges, and sends at most kMaxLineBytes before it is cut off.
class AuthReader {
 public:
  static constexpr std::size_t kMaxLineBytes = 16 * 1024;

  /// Takes bytes and returns how many belonged to the handshake; those after them belong to the message stream.
  std::size_t feed(Bytes bytes);

  [[nodiscard]] AuthState state() const noexcept { return state_; }
  [[nodiscard]] AuthCode code() const noexcept { return code_; }

 private:
  void finish(AuthCode code) noexcept {
    code_ = code;
    state_ = code == AuthCode::kNone ? AuthState::kDone : AuthState::kFailed;
  }
  void judge() noexcept;

  AuthState state_ = AuthState::kWaiting;
  AuthCode code_ = AuthCode::kNone;
  std::string line_;
};

}  // namespace unitscope::dbus
