#include "core/dbus/names.h"

#include <string>

#include "core/base/utf8.h"
#include "core/dbus/unit_name.h"
#include "harness.h"
#include "support/random.h"

namespace unitscope::dbus {
namespace {

using test::check;

/// UTF-8 by its definition: decode, then ask whether this is the shortest form of an allowed code point.
bool is_utf8_by_definition(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[at + i]); };
    const unsigned lead = byte(0);
    const std::size_t size = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    if (size == 0 || at + size > text.size()) return false;
    std::uint32_t code = size == 1 ? lead : lead & (0x7fu >> size);
    for (std::size_t i = 1; i < size; i++) {
      if (byte(i) >> 6 != 2) return false;
      code = code << 6 | (byte(i) & 0x3fu);
    }
    constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < kSmallest[size] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return false;
    at += size;
  }
  return true;
}

const test::Test kUtf8{"dbus utf8: every text of three bytes, and random ones across the 8-byte steps, as by definition", [] {
  const auto same = [](const std::string& text, std::string_view context) {
    if (is_utf8(text) != is_utf8_by_definition(text)) check(false, std::string(context) + ": " + text);
  };
  // The first byte decides the ranges; of the third only its edges matter.
  for (unsigned first = 0; first < 256; first++) {
    for (unsigned second = 0; second < 256; second++) {
      for (const unsigned third : {0x00u, 0x41u, 0x7fu, 0x80u, 0xbfu, 0xc0u, 0xffu}) {
        same({static_cast<char>(first), static_cast<char>(second), static_cast<char>(third)}, "three bytes");
      }
    }
  }
  test::Random random;
  for (int round = 0; round < 100'000; round++) {
    std::string text(random.below(12), 'a');
    for (const std::string_view part : {"\xf0\x90\x80\x80", "\xe2\x82\xac", "\xc3\xa9"}) {
      if (random.one_in(2)) text += part;
    }
    text += std::string(random.below(12), 'b');
    if (!text.empty() && random.one_in(2)) text[random.below(static_cast<std::uint32_t>(text.size()))] = static_cast<char>(random.below(256));
    same(text, random.seed());
  }
}};

const test::Test kAscii{"dbus utf8: plain ASCII is told at once, whatever the length and wherever the one byte that is none", [] {
  for (std::size_t size = 0; size < 40; size++) {
    std::string text(size, 'a');
    check(is_plain_ascii(text), text);
    for (std::size_t at = 0; at < size; at++) {
      for (unsigned byte = 0; byte < 256; byte++) {
        text[at] = static_cast<char>(byte);
        const bool plain = byte >= 1 && byte < 128;
        if (is_plain_ascii(text) != plain) check(false, std::to_string(size) + ": byte " + std::to_string(byte) + " at " + std::to_string(at));
      }
      text[at] = 'z';
    }
  }
}};

/// Names as the specification puts it, element by element.
bool is_path_by_definition(std::string_view text) {
  if (text == "/") return true;
  if (!text.starts_with('/')) return false;
  while (!text.empty()) {
    text.remove_prefix(1);
    const std::string_view element = text.substr(0, text.find('/'));
    constexpr std::string_view kBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    if (element.empty() || element.find_first_not_of(kBytes) != element.npos) return false;
    text.remove_prefix(element.size());
  }
  return true;
}

const test::Test kKnownNames{"dbus names: the usual ones, looked at in part only, and those beside them, as by definition", [] {
  check(!is_object_path("/org/freedesktop/systemd1/unit/") && is_object_path("/org/freedesktop/systemd1/unit"));
  check(is_interface("org.freedesktop.DBus.Properties") && is_member("PropertiesChanged"));
  check(!is_interface("org.freedesktop.DBus.Properties.") && !is_member("PropertiesChanged."));
  test::Random random;
  for (int round = 0; round < 100'000; round++) {
    std::string path = "/org/freedesktop/systemd1/unit/a_2eservice";
    path.resize(random.below(static_cast<std::uint32_t>(path.size() + 1)));
    for (std::uint32_t i = random.below(3); i > 0 && !path.empty(); i--) {
      path.insert(random.below(static_cast<std::uint32_t>(path.size() + 1)), 1, "/a_.-0"[random.below(6)]);
    }
    if (is_object_path(path) != is_path_by_definition(path)) check(false, random.seed() + " " + path);
  }
}};

const test::Test kUnitNames{"dbus unit names: what systemd accepts, and nothing that could harm a terminal or a label", [] {
  for (const std::string_view good : {"a.service", "a@b.service", "dev-disk-by\\x2did.swap", "1:2_3-4.mount", "a.b.c", "-.slice"}) {
    check(is_unit_name(good), good);
  }
  for (const std::string_view bad : {"", "a", ".service", "a.", "a b.service", "a/b.service", "a\n.service", "\x1b[1m.service",
                                     "\xc3\xa4.service", "a\".service", "a$b.service"}) {
    check(!is_unit_name(bad), bad);
  }
  check(is_unit_name(std::string(247, 'x') + ".service"));
  check(!is_unit_name(std::string(248, 'x') + ".service"));
  test::equal(unit_type_of("a.b.timer"), "timer");
}};

const test::Test kLabels{"dbus unit names: path labels are unescaped, and broken ones are no unit", [] {
  const auto unit = [](std::string_view label) {
    UnitNameBuffer buffer;
    const auto found = unit_name_of(label, buffer);
    return found ? std::string(*found) : std::string("none");
  };
  test::equal(unit("a_40b_2eservice"), "a@b.service");
  test::equal(unit("_2d_2eslice"), "-.slice");
  test::equal(unit("dev_2dsda_5cx2d1_2eswap"), "dev-sda\\x2d1.swap");
  test::equal(unit("A_2DB_2Eservice"), "A-B.service", "hex digits of either case");
  for (const std::string_view bad : {"", "_", "a_2", "a_2eservice_", "a_2eservice_g0", "a_zz_2eservice", "a_00_2eservice",
                                     "a_0a_2eservice", "a_+1_2eservice", "a_ 1_2eservice", "_2e"}) {
    test::equal(unit(bad), "none", bad);
  }
  test::equal(unit(std::string(247, 'x') + "_2eservice"), std::string(247, 'x') + ".service");
  test::equal(unit(std::string(248, 'x') + "_2eservice"), "none");
  test::equal(unit(std::string(100'000, 'x')), "none");
}};

const test::Test kRoundTrip{"dbus unit names: what sd_bus_path_encode(3) escapes comes back, property", [] {
  test::Random random;
  constexpr std::string_view kBytes = "abcXYZ019:-_.@\\";
  for (int round = 0; round < 5000; round++) {
    std::string name, label;
    for (std::uint32_t i = 1 + random.below(30); i > 0; i--) name += kBytes[random.below(kBytes.size())];
    name += ".service";
    for (const char c : name) {
      const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9' && !label.empty());
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "_%02x", static_cast<unsigned char>(c));
      label += plain ? std::string(1, c) : std::string(escaped);
    }
    UnitNameBuffer buffer;
    const auto found = unit_name_of(label, buffer);
    check(found && *found == name, random.seed() + " " + name);
  }
}};

}  // namespace
}  // namespace unitscope::dbus
