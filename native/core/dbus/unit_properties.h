#pragma once

#include <cstdint>
#include <string_view>

#include "core/batch/layout.h"
#include "core/batch/symbol_table.h"
#include "core/dbus/wire_reader.h"

namespace unitscope::dbus {

/// Which part of a unit's state an interface of systemd carries.
enum class PropertyGroup : std::uint8_t {
  /// org.freedesktop.systemd1.Unit.
  kUnit,
  /// The interface of the unit's type that says something of its run: Service, Socket, Timer, ...
  kType,
  /// Anything else (Slice, Device, Target, a newer systemd's): nothing of it is tracked.
  kOther,
};
[[nodiscard]] PropertyGroup group_of(std::string_view interface) noexcept;

/// Reads an `a{sv}` of properties: those on the allow-list go into `state`, the rest is checked and skipped. A listed
/// property of another type than systemd's is skipped as well, so that a change of systemd's loses one field, not all.
void read_properties(WireReader& in, SymbolTable& symbols, UnitState& state) noexcept;

}  // namespace unitscope::dbus
