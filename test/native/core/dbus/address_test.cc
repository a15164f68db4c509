#include "core/dbus/address.h"

#include <string>

#include "harness.h"

namespace unitscope::dbus {
namespace {

/// `path:/run/bus abstract:x`, or `code at N`.
std::string parsed(std::string_view text) {
  const auto all = parse_address(text);
  if (!all) return std::string(name(all.error().code)) + " at " + std::to_string(all.error().offset);
  std::string out;
  for (const UnixAddress& each : all.value()) out += (out.empty() ? "" : " ") + std::string(each.abstract ? "abstract:" : "path:") + each.path;
  return out;
}

const test::Test kGood{"dbus address: paths, abstract names, lists, escapes and keys that say nothing to us", [] {
  test::equal(parsed("unix:path=/run/dbus/system_bus_socket"), "path:/run/dbus/system_bus_socket");
  test::equal(parsed("unix:abstract=/tmp/dbus-x,guid=0123456789abcdef0123456789abcdef"), "abstract:/tmp/dbus-x");
  test::equal(parsed("unix:guid=1,path=/a;unix:path=/b;"), "path:/a path:/b");
  test::equal(parsed("unix:path=/a%20b%3b%2c%3D"), "path:/a b;,=");
  test::equal(parsed("unix:path=/a%2fb"), "path:/a/b");
  test::equal(parsed(";;unix:path=/a"), "path:/a");
}};

const test::Test kBad{"dbus address: each mistake is told with the place where it stands", [] {
  const struct { std::string_view text, expected; } kRows[] = {
      {"", "empty at 0"},
      {";", "empty at 0"},
      {"/run/bus", "no_transport at 0"},
      {":path=/a", "no_transport at 0"},
      {"tcp:host=localhost,port=1", "unknown_transport at 0"},
      {"unix:path=/a;tcp:host=x", "unknown_transport at 13"},
      {"UNIX:path=/a", "unknown_transport at 0"},
      {"unixexec:path=/bin/sh,argv1=-c", "refused_transport at 0"},
      {"unix:path=/a;unixexec:path=/bin/sh", "refused_transport at 13"},
      {"unix:", "no_socket_path at 5"},
      {"unix:path", "no_equals at 5"},
      {"unix:=x", "no_equals at 5"},
      {"unix:path=/a,", "path:/a"},
      {"unix:path=/a,,guid=1", "no_equals at 13"},
      {"unix:guid=1,guid=2,path=/a", "duplicate_key at 12"},
      {"unix:path=/a,path=/b", "duplicate_key at 13"},
      {"unix:path=/a,abstract=b", "no_socket_path at 13"},
      {"unix:path=", "no_socket_path at 5"},
      {"unix:guid=1", "no_socket_path at 5"},
      {"unix:dir=/tmp", "no_socket_path at 5"},
      {"unix:tmpdir=/tmp", "no_socket_path at 5"},
      {"unix:runtime=yes", "no_socket_path at 5"},
      {"unix:path=/a%", "bad_escape at 12"},
      {"unix:path=/a%2", "bad_escape at 12"},
      {"unix:path=/a%zz", "bad_escape at 12"},
      {"unix:path=/a%-1", "bad_escape at 12"},
      {"unix:path=/a b", "unescaped_byte at 12"},
      {"unix:path=/a\xc3", "unescaped_byte at 12"},
      {"unix:path=/a%00b", "path_with_nul at 5"},
  };
  for (const auto& [text, expected] : kRows) test::equal(parsed(text), expected, text);
}};

const test::Test kLimits{"dbus address: a socket path has 107 bytes, an address 4096", [] {
  const std::string most(107, 'x');
  test::equal(parsed("unix:path=" + most), "path:" + most);
  test::equal(parsed("unix:path=" + most + "x"), "path_too_long at 5");
  test::equal(parsed("unix:abstract=" + most + "x"), "path_too_long at 5");
  std::string long_one = "unix:path=/a,guid=";
  long_one += std::string(kMaxAddressBytes - long_one.size(), '1');
  test::equal(parsed(long_one), "path:/a");
  test::equal(parsed(long_one + "1"), "too_long at 4096");
}};

const test::Test kCut{"dbus address: cut at any byte it is an address or a mistake within it", [] {
  const std::string whole = "unix:path=/run/a%20b,guid=12;unix:abstract=x";
  for (std::size_t size = 0; size <= whole.size(); size++) {
    const std::string text = whole.substr(0, size);
    const auto found = parse_address(text);
    if (!found) test::check(found.error().offset <= size, text);
  }
}};

}  // namespace
}  // namespace unitscope::dbus
