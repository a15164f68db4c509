// consume_raw ADDRESS [WINDOW_US]: the least a reader can do: receives, and counts messages by their lengths. Nothing is looked
// at but the marks of beginning and end. What it cannot have, no reader can. With a window it sleeps so long after each read
// that brought company, as the product's reader does: the floor of reading in windows.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "consumer.h"
#include "signal_bytes.h"

namespace {

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

std::uint32_t u32(const std::uint8_t* at) {
  std::uint32_t value;
  std::memcpy(&value, at, 4);
  return value;
}

void write_all(int fd, const std::vector<std::uint8_t>& bytes) {
  if (::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) die("send");
}

std::vector<std::uint8_t> driver_call(std::uint32_t serial, const char* member, const char* rule) {
  bench::Marshal body;
  if (rule != nullptr) body.string(rule);
  bench::Marshal out;
  for (const std::uint8_t byte : {'l', '\1', '\0', '\1'}) out.u8(byte);
  out.u32(static_cast<std::uint32_t>(body.bytes.size()));
  out.u32(serial);
  out.u32(0);
  const auto field = [&](std::uint8_t code, const char* type, const std::string& value) {
    out.align(8);
    out.u8(code);
    out.signature(type);
    type[0] == 'g' ? out.signature(value) : out.string(value);
  };
  field(1, "o", "/org/freedesktop/DBus");
  field(2, "s", "org.freedesktop.DBus");
  field(3, "s", member);
  field(6, "s", "org.freedesktop.DBus");
  if (rule != nullptr) field(8, "g", "s");
  const auto fields = static_cast<std::uint32_t>(out.bytes.size() - 16);
  std::memcpy(&out.bytes[12], &fields, 4);
  out.align(8);
  out.bytes.insert(out.bytes.end(), body.bytes.begin(), body.bytes.end());
  return std::move(out.bytes);
}

int connect_to(const std::string& address) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::strncpy(name.sun_path, address.c_str() + std::strlen("unix:path="), sizeof name.sun_path - 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) die(address.c_str());
  std::string auth("\0AUTH EXTERNAL ", 15);
  for (const char digit : std::to_string(::geteuid())) auth += "3", auth += digit;
  auth += "\r\n";
  write_all(fd, {auth.begin(), auth.end()});
  char line[256];
  if (::recv(fd, line, sizeof line, 0) <= 0 || std::memcmp(line, "OK", 2) != 0) die("authentication");
  const std::string begin = "BEGIN\r\n";
  write_all(fd, {begin.begin(), begin.end()});
  write_all(fd, driver_call(1, "Hello", nullptr));
  std::uint32_t serial = 2;
  for (const char* rule : bench::kRules) write_all(fd, driver_call(serial++, "AddMatch", rule));
  return fd;
}

/// Signals of the manager are short; those of units are not.
constexpr std::size_t kLongestMark = 400;

void take(const std::uint8_t* message, std::size_t size, bench::Meter& meter, int& replies) {
  if (message[1] == 2) {
    if (++replies == 3) bench::say_ready();
    return;
  }
  if (message[1] != 4) return;
  const std::string_view text(reinterpret_cast<const char*>(message), size);
  if (size > kLongestMark) return meter.signal();
  for (const char* mark : {"bench-begin.service", "bench-end.service"}) {
    if (text.find(mark) != std::string_view::npos) meter.unit_new(mark);
  }
}

}  // namespace

int main(int argc, char** argv) {
  static std::uint8_t buffer[256 * 1024];
  constexpr int kCompany = 4;
  const timespec window{0, argc > 2 ? std::atol(argv[2]) * 1000 : 0};
  return bench::serve([argv, &window](bench::Meter& meter) {
    const int fd = connect_to(argv[1]);
    std::size_t held = 0;
    int replies = 0;
    while (!meter.over()) {
      const ssize_t got = ::recv(fd, buffer + held, sizeof buffer - held, 0);
      if (got <= 0) die("recv");
      held += static_cast<std::size_t>(got);
      std::size_t at = 0;
      int messages = 0;
      while (held - at >= 16) {
        const std::size_t size = 16 + (u32(buffer + at + 12) + 7) / 8 * 8 + u32(buffer + at + 4);
        if (held - at < size) break;
        take(buffer + at, size, meter, replies);
        at += size;
        messages++;
      }
      std::copy(buffer + at, buffer + held, buffer);
      held -= at;
      if (window.tv_nsec > 0 && messages >= kCompany) ::ppoll(nullptr, 0, &window, nullptr);
    }
    ::close(fd);
  });
}
