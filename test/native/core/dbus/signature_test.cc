#include "core/dbus/signature.h"

#include <string>

#include "harness.h"
#include "support/signature_oracle.h"

namespace unitscope::dbus {
namespace {

void check(std::string_view text, std::string_view expected,
           const std::source_location& at = std::source_location::current()) {
  const auto broken = check_signature(text);
  test::equal(broken ? name(*broken) : "ok", expected, text.substr(0, 60), at);
}

std::string repeat(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; i++) out += text;
  return out;
}

const test::Test kTable{"dbus signature: each rule by its name", [] {
  for (const std::string_view good : {"", "s", "sa{sv}as", "(uo)", "a(ybnqiuxtdhsogv)", "aaa{y(a{sv})}", "a{gv}", "vv"}) {
    check(good, "ok");
  }
  for (const std::string_view bad : {"()", "(", "(s", "s)", ")", "(()s)", "((s)", "a(s"}) check(bad, "signature_struct");
  for (const std::string_view bad : {"{sv}", "({sv})", "a{s}", "a{svs}", "a{}", "a{vs}", "a{(s)s}", "a{ass}", "a{sv", "a{sa}"}) {
    test::check(check_signature(bad).has_value(), bad);
  }
  check("{sv}", "signature_dict");
  check("a{s}", "signature_dict");
  check("a{svs}", "signature_dict");
  check("a{i(u}", "signature_dict");
  for (const std::string_view bad : {"a", "sa", "(a)", "a{sa}"}) check(bad, "signature_array");
  for (const std::string_view bad : {"z", "r", "e", "m", "*", " ", "S", "\x01"}) check(bad, "signature_code");
  check(std::string_view("s\0s", 3), "signature_code");
}};

const test::Test kWholeTypes{"dbus signature: the codes that are a type by themselves are the signatures of one byte", [] {
  for (unsigned byte = 0; byte < 256; byte++) {
    const char code = static_cast<char>(byte);
    test::equal(is_whole_type(code), !check_signature({&code, 1}).has_value(), std::to_string(byte));
  }
}};

const test::Test kLimits{"dbus signature: 32 arrays and 32 structs, 255 bytes; one more of each is refused", [] {
  check(repeat("a", 32) + "s", "ok");
  check(repeat("a", 33) + "s", "signature_depth");
  check(repeat("(", 32) + "s" + repeat(")", 32), "ok");
  check(repeat("(", 33) + "s" + repeat(")", 33), "signature_depth");
  check(repeat("a(", 32) + "s" + repeat(")", 32), "ok");
  check(repeat("(a", 33) + "s" + repeat(")", 33), "signature_depth");
  check(repeat("(as)", 63), "ok");
  check(repeat(repeat("a", 32) + "s", 7), "ok");
  check(repeat("s", 255), "ok");
  check(repeat("s", 256), "signature_size");
}};

const test::Test kExhaustive{"dbus signature: every text of up to 7 codes is judged as the grammar judges it", [] {
  constexpr std::string_view kAlphabet = "sva(){}";
  std::size_t valid = 0;
  std::string text;
  const auto visit = [&](const auto& self) -> void {
    std::size_t at = 0, first = 0, types = 0;
    while (const std::size_t size = test::oracle_type_size(std::string_view(text).substr(at))) {
      if (types++ == 0) first = size;
      at += size;
    }
    const bool expected = at == text.size();
    test::equal(!check_signature(text).has_value(), expected, text);
    if (expected) {
      valid++;
      test::equal(is_single_type(text), types == 1, text);
      if (types > 0) test::equal(first_type_size(text), first, text);
    }
    if (text.size() == 7) return;
    for (const char code : kAlphabet) {
      text.push_back(code);
      self(self);
      text.pop_back();
    }
  };
  visit(visit);
  test::check(valid > 500, "valid ones are among them");
}};

}  // namespace
}  // namespace unitscope::dbus
