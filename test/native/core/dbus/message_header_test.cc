#include "core/dbus/message.h"

#include <string>

#include "harness.h"
#include "support/verdict.h"

namespace unitscope::dbus {
namespace {

using Parts = test::MessageParts;

void check(const Parts& parts, std::string_view expected,
           const std::source_location& at = std::source_location::current()) {
  test::equal(test::verdict(parts), expected, "", at);
}

/// A valid signal with one field more.
Parts with(const Parts::Field& field) {
  Parts parts;
  parts.fields.push_back(field);
  return parts;
}

/// The fields of a message of `type`.
Parts of(unsigned type, std::vector<Parts::Field> fields) {
  Parts parts;
  parts.type = type;
  parts.fields = std::move(fields);
  return parts;
}

/// The valid signal with the field of this code replaced.
Parts having(const Parts::Field& field) {
  Parts parts;
  for (auto& each : parts.fields) {
    if (each.code == field.code) each = field;
  }
  return parts;
}

const test::Test kGood{"dbus header: what every bus sends is taken, in both byte orders", [] {
  check({}, "ok");
  check({.order = ByteOrder::kBig}, "ok");
  check({.flags = 0xff}, "ok");
  check({.type = 5, .fields = {}}, "ok");
  check(with({200, "s", [](test::Wire& out) { out.str("of a later version"); }}), "ok");
  check(of(1, {Parts::path("/a"), Parts::member("Call")}), "ok");
  check(of(2, {Parts::reply_serial(1)}), "ok");
  check(of(3, {Parts::reply_serial(1), Parts::error_name("a.b")}), "ok");
  check(with({9, "u", [](test::Wire& out) { out.u32(0); }}), "ok");
}};

const test::Test kFixed{"dbus header: each wrong fixed byte is told by its name", [] {
  check({.endian = 'x'}, "header_endian");
  check({.endian = 'L'}, "header_endian");
  check({.version = 0}, "header_version");
  check({.version = 2}, "header_version");
  check({.type = 0}, "header_type");
  check({.serial = 0}, "header_serial");
}};

const test::Test kSizes{"dbus header: announced sizes are checked before a byte of them arrives", [] {
  const auto announced = [](std::uint64_t body, std::uint64_t fields) {
    test::Wire out;
    out.u8('l').u8(4).u8(0).u8(1).u32(body).u32(1).u32(fields);
    return test::verdict(out.bytes);
  };
  constexpr std::uint64_t kArray = 64u << 20, kTotal = 128u << 20;
  test::equal(announced(0, kArray + 1), "header_fields_size");
  test::equal(announced(0, UINT32_MAX), "header_fields_size");
  test::equal(announced(kArray + 1, kArray), "header_size");
  test::equal(announced(kTotal - 16, 0), "short", "the largest allowed");
  test::equal(announced(kTotal - 15, 0), "header_size");
  test::equal(announced(UINT32_MAX, UINT32_MAX), "header_fields_size");
  test::equal(announced(UINT32_MAX, 0), "header_size");
}};

const test::Test kFields{"dbus header: fields must be known by their right type, once, and the required ones there", [] {
  const auto str = [](test::Wire& out) { out.str("a.b"); };
  check(with({0, "s", str}), "field_code");
  check(with(Parts::member("Again")), "field_duplicate");
  check(with({6, "o", [](test::Wire& out) { out.str("/a"); }}), "field_type");
  check(with({6, "ss", str}), "variant_signature");
  check(with({6, "", str}), "variant_signature");
  check(with({9, "u", [](test::Wire& out) { out.u32(1); }}), "unix_fds");
  check(with(Parts::reply_serial(0)), "reply_serial");
  for (std::size_t missing = 0; missing < 3; missing++) {
    Parts parts;
    parts.fields.erase(parts.fields.begin() + static_cast<std::ptrdiff_t>(missing));
    check(parts, "field_missing");
  }
  check(of(1, {Parts::path("/a")}), "field_missing");
  check(of(1, {Parts::member("Call")}), "field_missing");
  check(of(2, {}), "field_missing");
  check(of(3, {Parts::reply_serial(1)}), "field_missing");
  check(of(3, {Parts::error_name("a.b")}), "field_missing");
}};

const test::Test kNames{"dbus header: a name that breaks its rule is refused by the rule's name", [] {
  for (const std::string_view bad : {"", "a", "//", "/a/", "/a//b", "/a-b", "/a.b", "/\xc3\xa4"}) {
    check(having(Parts::path(std::string(bad))), "path");
  }
  check(having(Parts::path("/" + std::string(64 * 1024 - 1, 'x'))), "ok");
  check(having(Parts::path("/" + std::string(64 * 1024, 'x'))), "path_size");
  for (const std::string_view bad : {"", "one", ".a.b", "a..b", "a.b.", "1a.b", "a.1b", "a.b-c"}) {
    check(having(Parts::interface(std::string(bad))), "interface");
  }
  check(having(Parts::interface("a." + std::string(253, 'b'))), "ok");
  check(having(Parts::interface("a." + std::string(254, 'b'))), "interface");
  for (const std::string_view bad : {"", "a.b", "1a", "a-b"}) {
    check(having(Parts::member(std::string(bad))), "member");
  }
  check(having(Parts::member(std::string(255, 'm'))), "ok");
  check(having(Parts::member(std::string(256, 'm'))), "member");
  for (const std::string_view bad : {"", "nodot", ":", ":1", ":1.", "a..b", "1.a"}) {
    check(with(Parts::destination(std::string(bad))), "bus_name");
  }
  check(with(Parts::destination(":1.7")), "ok");
  check(with(Parts::destination("a-b.c")), "ok");
  check(of(3, {Parts::reply_serial(1), Parts::error_name("one")}), "error_name");
  check(having(Parts::path("/org/freedesktop/DBus/Local")), "reserved_path");
  check(having(Parts::interface("org.freedesktop.DBus.Local")), "reserved_interface");
}};

const test::Test kBody{"dbus header: a body and its signature come together", [] {
  Parts body;
  body.body = [](test::Wire& out) { out.u32(1); };
  check(body, "body_without_signature");
  body.signature = "u";
  check(body, "ok");
  body.body = {};
  check(body, "signature_without_body");
}};

const test::Test kPadding{"dbus header: padding must be zero, between fields and before the body", [] {
  const std::vector<std::uint8_t> good = Parts{.signature = "u", .body = [](test::Wire& out) { out.u32(1); }}.bytes();
  const auto frame = parse_frame(good);
  std::size_t paddings = 0;
  for (std::size_t at = kFixedHeaderBytes; at < frame.value().header_bytes(); at++) {
    std::vector<std::uint8_t> changed = good;
    changed[at] = 0xee;
    const std::string found = test::verdict(changed);
    test::check(found != "ok" || good[at] != 0, "a zero that is no padding and no length");
    paddings += found == "padding" ? 1u : 0u;
  }
  test::check(paddings >= 8, "this message has paddings");
}};

const test::Test kFieldArray{"dbus header: a field that runs over the end of the array is refused", [] {
  std::vector<std::uint8_t> bytes = Parts{}.bytes();
  const auto announce = [&](int change) {
    std::vector<std::uint8_t> changed = bytes;
    changed[12] = static_cast<std::uint8_t>(changed[12] + change);
    return test::verdict(changed);
  };
  test::equal(announce(0), "ok");
  test::check(announce(-1) != "ok" && announce(-9) != "ok", "shorter");
  test::check(announce(8) != "ok", "longer");
}};

}  // namespace
}  // namespace unitscope::dbus
