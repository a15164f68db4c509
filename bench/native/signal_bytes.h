#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace bench {

/// Marshals little-endian D-Bus, as far as signals need it (D-Bus specification, "Marshaling").
class Marshal {
 public:
  void align(std::size_t to) { while (bytes.size() % to != 0) bytes.push_back(0); }
  void u8(std::uint8_t value) { bytes.push_back(value); }
  void u32(std::uint32_t value) {
    align(4);
    const std::size_t at = bytes.size();
    bytes.resize(at + 4);
    std::memcpy(&bytes[at], &value, 4);
  }
  void text(const std::string& value) { bytes.insert(bytes.end(), value.c_str(), value.c_str() + value.size() + 1); }
  void string(const std::string& value) {
    u32(static_cast<std::uint32_t>(value.size()));
    text(value);
  }
  void signature(const std::string& value) {
    u8(static_cast<std::uint8_t>(value.size()));
    text(value);
  }

  std::vector<std::uint8_t> bytes;
};

/// A signal's header; the length of the body and the serial are to be set. Its sender is the bus's to add.
inline std::vector<std::uint8_t> signal_header(const std::string& path, const std::string& interface,
                                               const std::string& member, const std::string& signature) {
  Marshal out;
  for (const std::uint8_t byte : {'l', '\4', '\1', '\1'}) out.u8(byte);  // signal, no reply expected, version 1
  out.u32(0);
  out.u32(0);
  out.u32(0);
  const auto field = [&](std::uint8_t code, const char* type, const std::string& value) {
    out.align(8);
    out.u8(code);
    out.signature(type);
    type[0] == 'g' ? out.signature(value) : out.string(value);
  };
  field(1, "o", path);
  field(2, "s", interface);
  field(3, "s", member);
  field(8, "g", signature);
  const auto fields = static_cast<std::uint32_t>(out.bytes.size() - 16);
  std::memcpy(&out.bytes[12], &fields, 4);
  out.align(8);
  return std::move(out.bytes);
}

inline void set_body_and_serial(std::vector<std::uint8_t>& header, std::size_t body_bytes, std::uint32_t serial) {
  const auto size = static_cast<std::uint32_t>(body_bytes);
  std::memcpy(&header[4], &size, 4);
  std::memcpy(&header[8], &serial, 4);
}

/// Object path of a unit: bytes other than letters and digits are `_` and two hex digits (sd_bus_path_encode(3)).
inline std::string unit_path(const std::string& name) {
  std::string out = "/org/freedesktop/systemd1/unit/";
  constexpr char kDigits[] = "0123456789abcdef";
  for (std::size_t i = 0; i < name.size(); i++) {
    const char c = name[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter || (i > 0 && c >= '0' && c <= '9')) out += c;
    else out += {'_', kDigits[static_cast<unsigned char>(c) >> 4], kDigits[static_cast<unsigned char>(c) & 15]};
  }
  return out;
}

}  // namespace bench
