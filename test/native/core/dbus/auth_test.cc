#include "core/dbus/auth.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/dbus/message_writer.h"
#include "harness.h"
#include "support/verdict.h"

namespace unitscope::dbus {
namespace {

constexpr std::string_view kOk = "OK 0123456789abcdefABCDEF0123456789\r\n";

/// Feeds `text` in chunks of `chunk` bytes: `done`, `waiting` or the failure, and how many bytes were taken.
std::string outcome(std::string_view text, std::size_t chunk) {
  AuthReader auth;
  std::size_t taken = 0;
  for (std::size_t at = 0; at < text.size() && auth.state() == AuthState::kWaiting; at += chunk) {
    // A copy of exact size: an over-read shows under ASan.
    const std::vector<std::uint8_t> part(text.begin() + static_cast<std::ptrdiff_t>(at),
                                         text.begin() + static_cast<std::ptrdiff_t>(std::min(at + chunk, text.size())));
    taken += auth.feed(part);
  }
  const std::string state = auth.state() == AuthState::kWaiting ? "waiting"
                            : auth.state() == AuthState::kDone  ? "done"
                                                                : std::string(name(auth.code()));
  return state + " " + std::to_string(taken);
}

void check(std::string_view text, const std::string& expected,
           const std::source_location& at = std::source_location::current()) {
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{3}, std::size_t{7}, text.size() + 1}) {
    test::equal(outcome(text, chunk), expected, text.substr(0, 60), at);
  }
}

const test::Test kRequest{"dbus auth: we ask as the specification's example does", [] {
  test::equal(auth_request(1000), std::string(1, '\0') + "AUTH EXTERNAL 31303030\r\nBEGIN\r\n");
  test::equal(auth_request(0), std::string(1, '\0') + "AUTH EXTERNAL 30\r\nBEGIN\r\n");
}};

const test::Test kGood{"dbus auth: OK ends the handshake, and the bytes behind it are the stream's", [] {
  check(kOk, "done 37");
  check(std::string(kOk) + "l\1\2\3", "done 37");
  check(std::string(kOk) + "\r\n", "done 37");
  check("OK 0123456789abcdefABCDEF012345678", "waiting 34");
  check("OK 0123456789abcdefABCDEF0123456789\r", "waiting 36");
}};

const test::Test kFaults{"dbus auth: anything but one OK line ends it, by its name", [] {
  check("REJECTED EXTERNAL DBUS_COOKIE_SHA1\r\n", "rejected 36");
  check("REJECTED\r\n", "rejected 10");
  check("ERROR\r\n", "error 7");
  check("ERROR \"what\"\r\nERROR\r\nERROR\r\n", "error 14");
  check("DATA\r\n", "unexpected 6");
  check("ok 0123456789abcdef0123456789abcdef\r\n", "unexpected 37");
  check("OKAY 0123456789abcdef0123456789abcdef\r\n", "unexpected 39");
  check("AGREE_UNIX_FD\r\n", "unexpected 15");
  check("\r\n", "unexpected 2");
  check("OK\r\n", "bad_guid 4");
  check("OK \r\n", "bad_guid 5");
  check("OK 0123456789abcdef0123456789abcdeg\r\n", "bad_guid 37");
  check("OK 0123456789abcdef0123456789abcdef0\r\n", "bad_guid 38");
  check("OK  123456789abcdef0123456789abcdef\r\n", "bad_guid 37");
}};

const test::Test kBytes{"dbus auth: bytes that are no text end it at once", [] {
  check(std::string_view("O\0K", 3), "bad_byte 2");
  check("OK \x80", "bad_byte 4");
  check("OK \x7f", "bad_byte 4");
  check("OK\t", "bad_byte 3");
  check("OK\n", "bad_byte 3");
  check("OK\rx", "bad_byte 4");
  check("OK\r\r\n", "bad_byte 4");
  check(std::string_view("l\4\1\1\0\0\0\0", 8), "bad_byte 2");
}};

const test::Test kLong{"dbus auth: a line of 16 KiB is read, a byte more ends it", [] {
  const std::string most(AuthReader::kMaxLineBytes - 1, 'x');
  check(most + "\r\n", "unexpected " + std::to_string(most.size() + 2));
  check(most + "xx", "line_too_long " + std::to_string(most.size() + 2));
  AuthReader auth;
  const std::vector<std::uint8_t> endless(1 << 20, 'x');
  test::equal(auth.feed(endless), AuthReader::kMaxLineBytes + 1);
  test::equal(auth.feed(endless), 0u, "nothing is taken after the end");
}};

const test::Test kCalls{"dbus calls: Hello and AddMatch are messages as the specification wants them", [] {
  const std::vector<std::uint8_t> hello = driver_call(1, "Hello");
  test::equal(test::verdict(hello), "ok");
  const std::string rule = "type='signal',path_namespace='/org/freedesktop/systemd1'";
  for (std::size_t size = 1; size <= rule.size(); size++) {
    const std::vector<std::uint8_t> call = driver_call(7, "AddMatch", rule.substr(0, size));
    test::equal(test::verdict(call), "ok");
    const auto frame = parse_frame(call);
    test::equal(frame.value().message_bytes, call.size());
    const auto message = parse_header(frame.value(), call);
    test::equal(message.value().member, "AddMatch");
    test::equal(message.value().destination, "org.freedesktop.DBus");
    test::equal(message.value().frame.serial, 7u);
  }
}};

}  // namespace
}  // namespace unitscope::dbus
