#pragma once

#include <string>
#include <vector>

#include "support/message_builder.h"

namespace unitscope::test {

/// One message that is wrong in one way (or unusual in one, and right), and what must be made of it: `ok`, or the reason's name.
struct NamedMessage {
  std::string verdict;
  std::string what;
  std::vector<std::uint8_t> bytes;

  /// The seed in test/fuzz/corpus/dbus_message/.
  [[nodiscard]] std::string file() const { return verdict + "-" + what; }
};

namespace named {

using Parts = MessageParts;
using Rows = std::vector<NamedMessage>;

inline std::string repeat(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; i++) out += text;
  return out;
}
/// The valid signal with one field more.
inline Parts with(Parts::Field field) {
  Parts parts;
  parts.fields.push_back(std::move(field));
  return parts;
}
/// The valid signal without the field of this code, or with another one in its place.
inline Parts without(unsigned code, std::vector<Parts::Field> instead = {}) {
  Parts parts;
  std::erase_if(parts.fields, [code](const auto& field) { return field.code == code; });
  for (auto& field : instead) parts.fields.push_back(std::move(field));
  return parts;
}
inline Parts having(Parts::Field field) { return without(field.code, {field}); }
inline Parts of_type(unsigned type, std::vector<Parts::Field> fields) {
  return {.type = type, .fields = std::move(fields)};
}
inline Parts body(std::string signature, Fill fill) { return {.signature = std::move(signature), .body = std::move(fill)}; }
/// A body of one signature value.
inline Parts signature(std::string text) {
  return body("g", [text](Wire& out) { out.sig(text); });
}
inline Parts variant(std::string type) {
  return body("v", [type](Wire& out) { out.sig(type).align(8).u64(0).u64(0); });
}
/// `depth` variants in each other, around a byte.
inline Parts nested(int depth) {
  return body("v", [depth](Wire& out) {
    for (int i = 0; i < depth; i++) out.sig(i + 1 < depth ? "v" : "y");
    out.u8(1);
  });
}
inline Parts text(std::string_view value) {
  return body("s", [value = std::string(value)](Wire& out) { out.str(value); });
}

inline void headers(Rows& out) {
  const auto add = [&](std::string verdict, std::string what, const Parts& parts) { out.push_back({verdict, what, parts.bytes()}); };
  const auto changed = [&](std::string verdict, std::string what, std::size_t at, std::uint32_t value) {
    Wire wire;
    wire.bytes = Parts{}.bytes();
    wire.patch(at, value);
    out.push_back({verdict, what, wire.bytes});
  };
  add("header_endian", "x", {.endian = 'x'});
  add("header_version", "0", {.version = 0});
  add("header_version", "2", {.version = 2});
  add("header_type", "0", {.type = 0});
  add("header_serial", "0", {.serial = 0});
  changed("header_fields_size", "over-64-MiB", 12, (64u << 20) + 1);
  changed("header_size", "over-128-MiB", 4, 128u << 20);
  Parts padded = Parts{};
  padded.fields.back() = Parts::text(7, "s", ":1.23");
  auto padding = padded.bytes();
  padding.back() = 1;  // the header ends behind `:1.23` and its NUL
  out.push_back({"padding", "behind-the-fields", padding});
  add("field_code", "0", with(Parts::text(0, "s", "x")));
  add("field_duplicate", "member", with(Parts::member("Again")));
  add("field_type", "path-is-a-string", having(Parts::text(1, "s", "/a")));
  add("field_type", "member-is-a-path", having(Parts::text(3, "o", "/a")));
  add("field_missing", "signal-path", without(1));
  add("field_missing", "signal-interface", without(2));
  add("field_missing", "signal-member", without(3));
  add("field_missing", "call-path", of_type(1, {Parts::member("Call")}));
  add("field_missing", "call-member", of_type(1, {Parts::path("/a")}));
  add("field_missing", "return-reply-serial", of_type(2, {}));
  add("field_missing", "error-reply-serial", of_type(3, {Parts::error_name("a.b")}));
  add("field_missing", "error-name", of_type(3, {Parts::reply_serial(1)}));
  add("reply_serial", "0", of_type(2, {Parts::reply_serial(0)}));
  add("unix_fds", "1-and-none-there", with({9, "u", [](Wire& wire) { wire.u32(1); }}));
  add("ok", "unknown-type-5", of_type(5, {}));
  add("ok", "flags-0xff", {.flags = 0xff});
  add("ok", "unknown-field-200", with(Parts::text(200, "s", "of a later version")));
  add("ok", "big-endian", {.order = ByteOrder::kBig});
}

inline void bodies(Rows& out) {
  const auto add = [&](std::string verdict, std::string what, const Parts& parts) { out.push_back({verdict, what, parts.bytes()}); };
  add("body_without_signature", "signal", {.body = [](Wire& wire) { wire.u32(1); }});
  add("signature_without_body", "signal", {.signature = "u"});
  add("body_too_long", "one-byte", body("u", [](Wire& wire) { wire.u32(1).u8(0); }));
  add("truncated", "one-value-of-two", body("uu", [](Wire& wire) { wire.u32(1); }));
  add("boolean", "2", body("b", [](Wire& wire) { wire.u32(2); }));
  add("string_nul", "none", body("s", [](Wire& wire) { wire.u32(3).raw("abcd"); }));
  add("string_inner_nul", "a-0-b", text(std::string_view("a\0b", 3)));
  add("string_size", "0xffffffff", body("s", [](Wire& wire) { wire.u32(UINT32_MAX).raw("abc"); }));
  add("utf8", "overlong", text("\xc0\x80"));
  add("utf8", "surrogate", text("\xed\xa0\x80"));
  add("utf8", "above-U+10FFFF", text("\xf4\x90\x80\x80"));
  add("utf8", "truncated", text("\xe2\x82"));
  add("ok", "U+FFFE", text("\xef\xbf\xbe"));
  add("array_length", "no-multiple", body("au", [](Wire& wire) { wire.u32(6).u32(1).u16(0); }));
  add("array_size", "over-64-MiB", body("ay", [](Wire& wire) { wire.u32((64u << 20) + 1); }));
  add("truncated", "array", body("as", [](Wire& wire) { wire.u32(100).str("ab"); }));
  add("array_length", "element-over-the-end", body("as", [](Wire& wire) { wire.u32(5).str("ab"); }));
  add("truncated", "empty-array-without-padding", body("ax", [](Wire& wire) { wire.u32(0); }));
  add("ok", "empty-array-with-padding", body("ax", [](Wire& wire) { wire.u32(0).align(8); }));
  add("padding", "between-values", body("yu", [](Wire& wire) { wire.u8(1).align(4, 0xee).u32(1); }));
  add("padding", "of-an-empty-array", body("ax", [](Wire& wire) { wire.u32(0).u32(0xee); }));
  add("variant_signature", "empty", variant(""));
  add("variant_signature", "two-types", variant("uu"));
  add("string_nul", "variant-signature", body("v", [](Wire& wire) { wire.u8(1).raw("u").u8(1).u32(0); }));
  add("ok", "depth-64", nested(64));
  add("depth", "65", nested(65));
  add("depth", "5000", nested(5000));
}

inline void signatures(Rows& out) {
  const auto add = [&](std::string verdict, std::string what, std::string text) {
    out.push_back({verdict, what, signature(text).bytes()});
  };
  add("signature_struct", "empty", "()");
  add("signature_struct", "unclosed", "(s");
  add("signature_struct", "stray-close", "s)");
  add("signature_dict", "closed-by-a-parenthesis-CVE-2022-42010", "a{i(u}");
  add("signature_dict", "outside-an-array", "{sv}");
  add("signature_dict", "one-type", "a{s}");
  add("signature_dict", "three-types", "a{svs}");
  add("signature_dict", "container-key", "a{vs}");
  add("signature_array", "alone", "a");
  add("signature_code", "z", "z");
  add("signature_code", "r", "r");
  add("signature_depth", "33-arrays", repeat("a", 33) + "s");
  add("signature_depth", "33-structs", repeat("(", 33) + "s" + repeat(")", 33));
  add("ok", "32-arrays", repeat("a", 32) + "s");
  add("ok", "32-structs", repeat("(", 32) + "s" + repeat(")", 32));
  add("ok", "255-codes", repeat("s", 255));
}

inline void names(Rows& out) {
  const auto add = [&](std::string verdict, std::string what, Parts::Field field) {
    Parts parts = field.code == 6 ? with(std::move(field)) : having(std::move(field));
    out.push_back({verdict, what, parts.bytes()});
  };
  add("path", "relative", Parts::path("a/b"));
  add("path", "empty-element", Parts::path("/a//b"));
  add("path", "slash-at-the-end", Parts::path("/a/"));
  add("path", "dash", Parts::path("/a-b"));
  add("path_size", "over-64-KiB", Parts::path("/" + std::string(64 * 1024, 'a')));
  add("interface", "one-element", Parts::interface("org"));
  add("interface", "leading-digit", Parts::interface("org.1a"));
  add("interface", "256-bytes", Parts::interface("a." + std::string(254, 'b')));
  add("ok", "interface-255-bytes", Parts::interface("a." + std::string(253, 'b')));
  add("member", "dot", Parts::member("a.b"));
  add("member", "empty", Parts::member(""));
  add("bus_name", "without-a-dot", Parts::destination("org"));
  add("reserved_path", "local", Parts::path("/org/freedesktop/DBus/Local"));
  add("reserved_interface", "local", Parts::interface("org.freedesktop.DBus.Local"));
  add("ok", "path-begins-as-the-reserved-one", Parts::path("/org/freedesktop/DBus/Localized"));
  add("ok", "interface-begins-as-the-reserved-one", Parts::interface("org.freedesktop.DBus.Localized"));
}

}  // namespace named

/// Every rule of the specification that a message can break, and what looks wrong and is right: the hand-made cases that were
/// once run through libdbus and sd-bus.
inline std::vector<NamedMessage> named_messages() {
  named::Rows all;
  named::headers(all);
  named::bodies(all);
  named::signatures(all);
  named::names(all);
  return all;
}

}  // namespace unitscope::test
