#include <string>

#include "core/dbus/wire_reader.h"
#include "harness.h"
#include "support/verdict.h"

namespace unitscope::dbus {
namespace {

using test::Fill;
using test::Wire;

std::string body(const std::string& signature, const Fill& fill, ByteOrder order = ByteOrder::kLittle) {
  return test::verdict({.order = order, .signature = signature, .body = fill});
}

void check(const std::string& signature, const Fill& fill, std::string_view expected,
           const std::source_location& at = std::source_location::current()) {
  for (const ByteOrder order : {ByteOrder::kLittle, ByteOrder::kBig}) {
    test::equal(body(signature, fill, order), expected, signature, at);
  }
}

const test::Test kGood{"dbus body: every type, in both byte orders", [] {
  check("ybnqiuxtdhsog", [](Wire& out) {
    out.u8(255).u32(1).u16(65535).u16(1).u32(UINT32_MAX).u32(2).u64(UINT64_MAX).u64(0).u64(1).u32(0);
    out.str("text").str("/a/b").sig("a{sv}");
  }, "ok");
  check("a{sv}as(uo)", [](Wire& out) {
    out.array(8, [](Wire& dict) { dict.align(8).str("ActiveState").sig("s").str("active"); });
    out.array(4, [](Wire& list) { list.str("Job"); });
    out.align(8).u32(0).str("/");
  }, "ok");
  check("s", [](Wire& out) { out.str("\xef\xbf\xbe nonc\xcc\xa7haracter \xf4\x8f\xbf\xbf"); }, "ok");
}};

const test::Test kEmptyArrays{"dbus body: an empty array still has the padding of its first element", [] {
  check("ax", [](Wire& out) { out.u32(0).align(8); }, "ok");
  check("ax", [](Wire& out) { out.u32(0); }, "truncated");
  check("ax", [](Wire& out) { out.u32(0).u32(0xee); }, "padding");
  check("as", [](Wire& out) { out.u32(0); }, "ok");
}};

const test::Test kLength{"dbus body: longer or shorter than its signature is refused", [] {
  check("u", [](Wire& out) { out.u32(1).u8(0); }, "body_too_long");
  check("uu", [](Wire& out) { out.u32(1); }, "truncated");
  check("s", [](Wire& out) { out.u32(5).raw("abc"); }, "truncated");
  check("t", [](Wire& out) { out.u32(1); }, "truncated");
}};

const test::Test kValues{"dbus body: booleans, padding and text that break the rules", [] {
  check("b", [](Wire& out) { out.u32(2); }, "boolean");
  check("b", [](Wire& out) { out.u32(1u << 24); }, "boolean");
  check("yu", [](Wire& out) { out.u8(1).align(4, 0xee).u32(1); }, "padding");
  check("s", [](Wire& out) { out.u32(3).raw("abcd"); }, "string_nul");
  check("s", [](Wire& out) { out.str(std::string_view("a\0b", 3)); }, "string_inner_nul");
  check("s", [](Wire& out) { out.u32(UINT32_MAX).raw("abc"); }, "string_size");
  check("s", [](Wire& out) { out.str(std::string(1024 * 1024, 'x')); }, "ok");
  check("s", [](Wire& out) { out.str(std::string(1024 * 1024 + 1, 'x')); }, "string_size");
  for (const std::string_view bad : {"\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5", "\xc3",
                                     "\xe2\x82", "\x80", "\xff"}) {
    check("s", [&](Wire& out) { out.str(bad); }, "utf8");
  }
  check("o", [](Wire& out) { out.str("no/path"); }, "path");
  check("g", [](Wire& out) { out.sig("a"); }, "signature_array");
}};

const test::Test kArrays{"dbus body: arrays end where their length says", [] {
  check("au", [](Wire& out) { out.u32(6).u32(1).u16(0); }, "array_length");
  check("as", [](Wire& out) { out.u32(5).str("ab"); }, "array_length");
  check("as", [](Wire& out) { out.u32(100).str("ab"); }, "truncated");
  check("ay", [](Wire& out) { out.u32((64u << 20) + 1); }, "array_size");
  check("ay", [](Wire& out) { out.u32(UINT32_MAX); }, "array_size");
  check("ay", [](Wire& out) { out.u32(64u << 20); }, "truncated");
  check("a(y)", [](Wire& out) {
    out.array(8, [](Wire& list) { list.u8(1).align(8, 0xee).u8(1); });
  }, "padding");
}};

const test::Test kItems{"dbus body: a message of a million empty arrays costs bounded time", [] {
  const auto empties = [](std::size_t count) {
    return [count](Wire& out) {
      out.array(4, [count](Wire& list) { list.bytes.resize(list.bytes.size() + 4 * count); });
    };
  };
  test::equal(body("aas", empties(1'000'000)), "ok");
  test::equal(body("aas", empties(1'000'002)), "array_items");
}};

/// `depth` variants in each other, around a byte.
Fill nested(int depth) {
  return [depth](Wire& out) {
    for (int i = 0; i < depth; i++) out.sig(i + 1 < depth ? "v" : "y");
    out.u8(1);
  };
}

const test::Test kDepth{"dbus body: 64 containers in each other are allowed, 65 are not, 5000 cost no stack", [] {
  check("v", nested(64), "ok");
  check("v", nested(65), "depth");
  check("v", nested(5000), "depth");
  // 32 arrays, 31 structs and a variant in a variant's place: the signature alone cannot say it is too deep.
  const std::string arrays(32, 'a'), opens(31, '('), closes(31, ')');
  const auto values = [](int variants) {
    return [variants](Wire& out) {
      const std::function<void(Wire&, int)> level = [&](Wire& in, int left) {
        if (left > 0) return (void)in.array(left > 1 ? 4 : 8, [&](Wire& inner) { level(inner, left - 1); });
        in.align(8);
        for (int i = 0; i < variants; i++) in.sig(i + 1 < variants ? "v" : "y");
        in.u8(1);
      };
      level(out, 32);
    };
  };
  check(arrays + opens + "v" + closes, values(1), "ok");
  check(arrays + opens + "v" + closes, values(2), "depth");
}};

const test::Test kVariants{"dbus body: a variant has exactly one complete type", [] {
  const auto of = [](std::string_view type) {
    return [type = std::string(type)](Wire& out) { out.sig(type).align(4).u32(0).u32(0); };
  };
  check("v", of(""), "variant_signature");
  check("v", of("uu"), "variant_signature");
  check("v", of("a"), "signature_array");
  check("v", of("("), "signature_struct");
  check("v", [](Wire& out) { out.u8(1).raw("u").u8(1).u32(0); }, "string_nul");
}};

/// One of everything, for the cuts below.
test::MessageParts everything(ByteOrder order) {
  return {.order = order, .signature = "ybsa{sv}as(uo)g", .body = [](Wire& out) {
    out.u8(1).u32(1).str("text");
    out.array(8, [](Wire& dict) {
      dict.align(8).str("One").sig("(sb)").align(8).str("x").u32(0);
      dict.align(8).str("Two").sig("at").array(8, [](Wire& list) { list.u64(5); });
    });
    out.array(4, [](Wire& list) { list.str("a").str("b"); });
    out.align(8).u32(3).str("/job").sig("u");
  }};
}

const test::Test kCut{"dbus message: cut at any byte it is short, and with the length to match it is refused", [] {
  for (const ByteOrder order : {ByteOrder::kLittle, ByteOrder::kBig}) {
    const std::vector<std::uint8_t> whole = everything(order).bytes();
    test::equal(test::verdict(whole), "ok");
    const std::size_t header = parse_frame(whole).value().header_bytes();
    for (std::size_t size = 0; size < whole.size(); size++) {
      // A copy of exact size: an over-read shows under ASan.
      std::vector<std::uint8_t> part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      test::equal(test::verdict(part), "short");
      if (size < header) continue;
      Wire patched(order);
      patched.bytes = part;
      patched.patch(4, size - header);
      test::check(test::verdict(patched.bytes) != "ok", "cut at " + std::to_string(size));
    }
  }
}};

const test::Test kFlip{"dbus message: any byte changed is taken or refused, never read beyond its end", [] {
  for (const ByteOrder order : {ByteOrder::kLittle, ByteOrder::kBig}) {
    const std::vector<std::uint8_t> whole = everything(order).bytes();
    std::size_t refused = 0;
    for (std::size_t at = 0; at < whole.size(); at++) {
      for (const unsigned value : {0x00u, 0x01u, 0x7fu, 0x80u, 0xffu}) {
        std::vector<std::uint8_t> changed = whole;
        changed[at] = static_cast<std::uint8_t>(value);
        refused += test::verdict(changed) != "ok" ? 1u : 0u;
      }
    }
    test::check(refused > whole.size(), "most changes break a rule");
  }
}};

}  // namespace
}  // namespace unitscope::dbus
