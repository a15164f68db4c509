#pragma once

#include <cstddef>
#include <string_view>

namespace unitscope::dbus {

/// Longest interface, member, error and bus name (D-Bus specification, "Valid Names").
inline constexpr std::size_t kMaxNameBytes = 255;

/// `/`, or elements of [A-Za-z0-9_]+ each after a slash; no trailing slash.
[[nodiscard]] bool is_object_path(std::string_view text) noexcept;
/// Two or more elements of [A-Za-z_][A-Za-z0-9_]*, joined by dots. Error names follow the same rule.
[[nodiscard]] bool is_interface(std::string_view text) noexcept;
/// One element of [A-Za-z_][A-Za-z0-9_]*.
[[nodiscard]] bool is_member(std::string_view text) noexcept;
/// As an interface with `-` allowed; after a leading `:` elements may begin with a digit.
[[nodiscard]] bool is_bus_name(std::string_view text) noexcept;
/// The path the specification keeps for what a connection tells itself; it never comes over one.
[[nodiscard]] inline bool is_reserved_path(std::string_view text) noexcept { return text == "/org/freedesktop/DBus/Local"; }

}  // namespace unitscope::dbus
