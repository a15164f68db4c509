#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/message_builder.h"

namespace unitscope::test {

/// systemd's own signals, as lists of bytes.
using Text = std::pair<std::string, std::string>;

/// `a@b.service` as the last element of its object path.
inline std::string unit_path(std::string_view unit) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "/org/freedesktop/systemd1/unit/";
  for (const char c : unit) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    const auto byte = static_cast<unsigned char>(c);
    out += plain ? std::string(1, c) : std::string{'_', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

/// PropertiesChanged of `interface` (without its prefix) with string properties, and NRestarts.
inline MessageParts properties_changed(std::string_view unit, std::string interface, std::vector<Text> texts,
                                       std::uint32_t restarts = 0) {
  MessageParts parts;
  parts.fields = {MessageParts::path(unit_path(unit)), MessageParts::interface("org.freedesktop.DBus.Properties"),
                  MessageParts::member("PropertiesChanged"), MessageParts::text(7, "s", ":1.0")};
  parts.signature = "sa{sv}as";
  parts.body = [=](Wire& out) {
    out.str("org.freedesktop.systemd1." + interface);
    out.array(8, [&](Wire& dict) {
      for (const auto& [name, value] : texts) dict.align(8).str(name).sig("s").str(value);
      if (interface == "Service") dict.align(8).str("NRestarts").sig("u").u32(restarts);
    });
    out.array(4, [](Wire& list) { list.str("Invalidated"); });
  };
  return parts;
}
inline MessageParts unit_half(std::string_view unit, std::string active, std::string sub) {
  return properties_changed(unit, "Unit", {{"ActiveState", std::move(active)}, {"SubState", std::move(sub)}});
}
inline MessageParts service_half(std::string_view unit, std::string result = "success", std::uint32_t restarts = 0) {
  return properties_changed(unit, "Service", {{"Result", std::move(result)}}, restarts);
}

/// A signal of systemd's manager object.
inline MessageParts manager_signal(std::string member, std::string signature, Fill body) {
  MessageParts parts;
  parts.fields = {MessageParts::path("/org/freedesktop/systemd1"), MessageParts::interface("org.freedesktop.systemd1.Manager"),
                  MessageParts::member(std::move(member)), MessageParts::text(7, "s", ":1.0")};
  parts.signature = std::move(signature);
  parts.body = std::move(body);
  return parts;
}
inline MessageParts unit_signal(std::string member, std::string unit) {
  return manager_signal(std::move(member), "so", [unit](Wire& out) { out.str(unit).str("/a"); });
}
inline MessageParts job_removed(std::string unit, std::string result) {
  return manager_signal("JobRemoved", "uoss", [=](Wire& out) { out.u32(5).str("/job/5").str(unit).str(result); });
}
inline MessageParts reloading(bool begins) {
  return manager_signal("Reloading", "b", [begins](Wire& out) { out.u32(begins ? 1 : 0); });
}
inline MessageParts owner_changed(std::string name, std::string owner) {
  MessageParts parts;
  parts.fields = {MessageParts::path("/org/freedesktop/DBus"), MessageParts::interface("org.freedesktop.DBus"),
                  MessageParts::member("NameOwnerChanged"), MessageParts::text(7, "s", "org.freedesktop.DBus")};
  parts.signature = "sss";
  parts.body = [=](Wire& out) { out.str(name).str("").str(owner); };
  return parts;
}

/// `bytes` in which each `from` reads `to`, of the same length: a hundred thousand messages need not be built one by one.
inline std::vector<std::uint8_t> renamed(std::vector<std::uint8_t> bytes, std::string_view from, std::string_view to) {
  for (auto at = bytes.begin(); (at = std::search(at, bytes.end(), from.begin(), from.end())) != bytes.end();) {
    at = std::copy(to.begin(), to.end(), at);
  }
  return bytes;
}

inline std::vector<std::uint8_t> joined(const std::vector<MessageParts>& all) {
  std::vector<std::uint8_t> out;
  for (const MessageParts& parts : all) {
    const auto bytes = parts.bytes();
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  return out;
}

}  // namespace unitscope::test
