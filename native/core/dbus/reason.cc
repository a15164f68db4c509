#include "core/dbus/reason.h"

#include <array>

namespace unitscope::dbus {

bool is_limit(Reason reason) noexcept {
  switch (reason) {
    case Reason::kMessageSize:
    case Reason::kStringSize:
    case Reason::kArrayItems:
    case Reason::kDepth:
    case Reason::kPathSize: return true;
    default: return false;
  }
}

std::string_view name(Reason reason) noexcept {
  static constexpr auto kNames = std::to_array<std::string_view>({
      "header_endian",
      "header_version",
      "header_type",
      "header_serial",
      "header_fields_size",
      "header_size",
      "message_size",
      "field_code",
      "field_duplicate",
      "field_type",
      "field_missing",
      "reply_serial",
      "unix_fds",
      "reserved_path",
      "reserved_interface",
      "truncated",
      "padding",
      "boolean",
      "string_nul",
      "string_inner_nul",
      "string_size",
      "utf8",
      "array_size",
      "array_items",
      "array_length",
      "depth",
      "variant_signature",
      "body_without_signature",
      "signature_without_body",
      "body_too_long",
      "signature_size",
      "signature_code",
      "signature_array",
      "signature_struct",
      "signature_dict",
      "signature_depth",
      "path",
      "path_size",
      "interface",
      "member",
      "bus_name",
      "error_name",
      "unit_name",
      "signal_signature",
      "unicast_signal",
  });
  static_assert(kNames.size() == kReasons);
  return kNames[static_cast<std::size_t>(reason)];
}

std::string describe(const Rejection& rejection) {
  return "bad message: " + std::string(name(rejection.reason)) + " at byte " + std::to_string(rejection.offset);
}

}  // namespace unitscope::dbus
