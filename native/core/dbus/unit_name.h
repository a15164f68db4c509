#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace unitscope::dbus {

/// UNIT_NAME_MAX of systemd without its NUL.
inline constexpr std::size_t kMaxUnitNameBytes = 255;
using UnitNameBuffer = std::array<char, kMaxUnitNameBytes>;

/// True for what systemd accepts in a unit's name: 1 to 255 bytes of [A-Za-z0-9:_.\@-] with a type suffix. Names come
/// from a peer and end in labels and terminals; this keeps control bytes out of both.
[[nodiscard]] bool is_unit_name(std::string_view text) noexcept;

/// The unit's name in an escaped path element: `a_40b_2eservice` is `a@b.service` (sd_bus_path_encode(3)).
/// Nothing when an escape is broken or the result is no unit name. The view points into `out`.
[[nodiscard]] std::optional<std::string_view> unit_name_of(std::string_view label, UnitNameBuffer& out) noexcept;

/// What stands after the last dot: `service`, `timer`, ...
[[nodiscard]] inline std::string_view unit_type_of(std::string_view name) noexcept {
  return name.substr(name.rfind('.') + 1);
}

}  // namespace unitscope::dbus
