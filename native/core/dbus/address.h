#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace unitscope::dbus {

/// One unix socket of a server address.
struct UnixAddress {
  /// File name, or the abstract name without its leading NUL. At most kMaxSocketPath bytes.
  std::string path;
  bool abstract = false;
};

/// sun_path of unix(7) holds 108 bytes with its NUL (abstract: with the leading one).
inline constexpr std::size_t kMaxSocketPath = 107;
/// Longer than any real address list; keeps a mistaken file from being parsed as one.
inline constexpr std::size_t kMaxAddressBytes = 4096;

enum class AddressCode {
  kEmpty,
  kTooLong,
  kNoTransport,
  /// Any transport but unix: this agent reads the bus of its own machine.
  kUnknownTransport,
  /// unixexec: would start a program named by configuration or environment.
  kRefusedTransport,
  kNoEquals,
  kDuplicateKey,
  kBadEscape,
  kUnescapedByte,
  /// Neither path= nor abstract=, or both, or a form only a server may use (dir=, tmpdir=, runtime=).
  kNoSocketPath,
  kPathTooLong,
  kPathWithNul,
};

/// Stable snake_case name, e.g. `bad_escape`.
[[nodiscard]] std::string_view name(AddressCode code) noexcept;

struct AddressError {
  AddressCode code;
  /// Byte of the text at which it was noticed.
  std::size_t offset;
};

/// Parses a D-Bus server address list (D-Bus specification, "Server Addresses"): `unix:path=/a;unix:abstract=b`.
/// Strict for the whole list: one bad entry refuses it, so that a typing error is seen before the first one fails.
[[nodiscard]] Result<std::vector<UnixAddress>, AddressError> parse_address(std::string_view text);

}  // namespace unitscope::dbus
