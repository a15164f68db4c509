#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace unitscope::dbus {

/// A call of the bus driver (org.freedesktop.DBus) without arguments or with one string: Hello, AddMatch. That is all
/// this connection ever says; everything else is asked over the control plane's own connection.
///
/// \param serial  not 0; the reply carries it
/// \param argument  UTF-8 without NUL; at most kMaxRuleBytes
[[nodiscard]] std::vector<std::uint8_t> driver_call(std::uint32_t serial, std::string_view member,
                                                    std::string_view argument = {});

/// Longer rules are refused by dbus-daemon as well (DBUS_MAXIMUM_MATCH_RULE_LENGTH).
inline constexpr std::size_t kMaxRuleBytes = 1024;

}  // namespace unitscope::dbus
