#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace unitscope::dbus {

/// Why a message is refused. One value per rule of the D-Bus specification (0.42, "Message Protocol") or limit of ours,
/// so that a counter by reason tells which peer is broken and how. Names are stable: dashboards hold them.
enum class Reason : std::uint8_t {
  // Fixed header.
  kHeaderEndian,
  kHeaderVersion,
  kHeaderType,
  kHeaderSerial,
  kHeaderFieldsSize,
  kHeaderSize,
  kMessageSize,
  // Header fields.
  kFieldCode,
  kFieldDuplicate,
  kFieldType,
  kFieldMissing,
  kReplySerial,
  kUnixFds,
  kReservedPath,
  kReservedInterface,
  // Values.
  kTruncated,
  kPadding,
  kBoolean,
  kStringNul,
  kStringInnerNul,
  kStringSize,
  kUtf8,
  kArraySize,
  kArrayItems,
  kArrayLength,
  kDepth,
  kVariantSignature,
  // Body as a whole.
  kBodyWithoutSignature,
  kSignatureWithoutBody,
  kBodyTooLong,
  // Signatures.
  kSignatureSize,
  kSignatureCode,
  kSignatureArray,
  kSignatureStruct,
  kSignatureDict,
  kSignatureDepth,
  // Names.
  kPath,
  kPathSize,
  kInterface,
  kMember,
  kBusName,
  kErrorName,
  kUnitName,
  // A signal of systemd whose arguments are not those it is known for.
  kSignalSignature,
  // A signal of systemd's addressed to this connection alone. systemd broadcasts; the system bus lets any user send
  // such a forgery past the match rules. Counted and ignored: cutting the connection would serve the forger.
  kUnicastSignal,
  kCount,
};

inline constexpr std::size_t kReasons = static_cast<std::size_t>(Reason::kCount);

/// Whether this is a limit of ours, stricter than what a bus lets through (or, for the depth, one that its implementations
/// count differently). Any user may send a message over it, so it costs that message alone; a broken rule of the
/// specification ends the stream, since a bus forwards no such message.
[[nodiscard]] bool is_limit(Reason reason) noexcept;

/// Snake_case name, e.g. `header_endian`.
[[nodiscard]] std::string_view name(Reason reason) noexcept;

/// A refusal: why, and the byte of the message at which it was noticed.
struct Rejection {
  Reason reason;
  std::size_t offset;
};

/// `bad message: header_endian at byte 0`.
[[nodiscard]] std::string describe(const Rejection& rejection);

}  // namespace unitscope::dbus
