#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/batch/layout.h"
#include "core/batch/symbol_table.h"
#include "core/dbus/wire_reader.h"

namespace unitscope::dbus {

/// The interfaces of systemd that say something of a unit's run: Unit, which all have, and those of the types: Service, Socket,
/// Timer, ... Of any other (Slice, Device, Target, a newer systemd's) nothing is tracked.
inline constexpr std::size_t kInterfaces = 9;
inline constexpr std::size_t kUnitInterface = 0;
inline constexpr std::size_t kNoInterface = kInterfaces;
/// The number of the interface, from 0 up; kNoInterface for any other.
[[nodiscard]] std::size_t interface_of(std::string_view name) noexcept;

/// Reads the properties of one interface, and remembers how the last set of them went.
///
/// systemd writes the properties of an interface always in the same order, so the next name and type are nearly always those
/// that stood at this place the last time: they are compared with these instead of being checked and looked up. The same
/// for the names at the end of those that only became invalid. Whatever differs is read in full, and remembered. Only of
/// messages in this machine's byte order, as all of its systemd are.
class PropertyReader {
 public:
  /// Reads an `a{sv}as`: those on the allow-list go into `state`, the rest is checked and skipped. A listed property of
  /// another type than systemd's is skipped as well, so that a change of systemd's loses one field, not all.
  void read(WireReader& in, SymbolTable& symbols, UnitState& state) noexcept;

 private:
  /// The longest of systemd's: InactiveEnterTimestampMonotonic, with lengths, type and padding.
  static constexpr std::size_t kMaxNameBytes = 48;
  /// Unit has 22, Service 17.
  static constexpr std::size_t kMaxNames = 32;
  /// Those of Service are 320.
  static constexpr std::size_t kMaxInvalidatedBytes = 512;

  /// A property's name and type, up to its value. Begins at a multiple of 8.
  struct Name {
    KnownBytes<kMaxNameBytes> bytes;
    /// A place in the allow-list, or kUnlisted.
    std::uint8_t property;
    std::uint8_t type_at;
    std::uint8_t type_bytes;

    [[nodiscard]] std::string_view type() const noexcept {
      return {reinterpret_cast<const char*>(bytes.bytes().data()) + type_at, type_bytes};
    }
  };

  /// The type of the next property, of which `name` then knows the rest.
  static std::string_view read_name(WireReader& in, Name& name) noexcept;
  void read_invalidated(WireReader& in) noexcept;

  std::array<Name, kMaxNames> names_;
  KnownBytes<kMaxInvalidatedBytes> invalidated_;
  std::size_t invalidated_items_ = 0;
};

}  // namespace unitscope::dbus
