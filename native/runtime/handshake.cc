#include "runtime/handshake.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "core/dbus/auth.h"
#include "core/dbus/message_writer.h"
#include "core/dbus/wire_reader.h"
#include "os/clock.h"

namespace unitscope {
namespace {

std::string describe(const dbus::UnixAddress& address) {
  return (address.abstract ? "unix:abstract=" : "unix:path=") + address.path;
}

std::string reason_of(const SocketFailure& failure) {
  if (failure.kind == SocketFailure::Kind::kStopped) return "closed";
  if (failure.kind == SocketFailure::Kind::kTimeout) return "no answer within 5 s";
  std::string text = std::system_category().message(failure.error);
  if (failure.error == EACCES) text += " (is this user allowed to connect?)";
  if (failure.error == ENOENT || failure.error == ECONNREFUSED) text += " (is the bus running?)";
  return text;
}

/// Reads the server's handshake lines; bytes behind them go to `early`.
Result<void, std::string> read_auth(int fd, const Wakeup& stop, std::uint64_t until, std::vector<std::uint8_t>& early) {
  dbus::AuthReader auth;
  std::array<std::uint8_t, 4096> buffer;
  while (auth.state() == dbus::AuthState::kWaiting) {
    const Received got = receive(fd, buffer);
    switch (got.kind) {
      case Received::Kind::kBytes: {
        const Bytes bytes = Bytes(buffer).first(got.size);
        const std::size_t used = auth.feed(bytes);
        early.assign(bytes.begin() + static_cast<std::ptrdiff_t>(used), bytes.end());
        break;
      }
      case Received::Kind::kEmpty: {
        const auto ready = stop.wait(fd, POLLIN, until);
        if (ready == Wakeup::Ready::kTimeout) return fail(std::string("authentication: no answer within 5 s"));
        if (ready == Wakeup::Ready::kRaised) return fail(std::string("closed"));
        break;
      }
      case Received::Kind::kEnd: return fail(std::string("authentication: the bus closed the connection"));
      case Received::Kind::kDescriptors: return fail(std::string("authentication: the peer passed file descriptors"));
      case Received::Kind::kErrno: return fail("authentication: " + std::system_category().message(got.error));
    }
  }
  if (auth.state() == dbus::AuthState::kFailed) {
    return fail("authentication failed: " + std::string(name(auth.code())) + " (EXTERNAL as uid " +
                std::to_string(::geteuid()) + ")");
  }
  return {};
}

Result<Connected, std::string> try_address(const dbus::UnixAddress& address, const Wakeup& stop) {
  const auto with_place = [&](const std::string& reason) { return fail("cannot connect to " + printable(describe(address)) + ": " + reason); };
  const std::uint64_t until = monotonic_ns() + kStepTimeoutNs;
  auto fd = connect_unix(address, stop, until);
  if (!fd) return with_place(reason_of(fd.error()));
  const std::string request = dbus::auth_request(::geteuid());
  const Bytes bytes(reinterpret_cast<const std::uint8_t*>(request.data()), request.size());
  if (const auto sent = send_all(fd.value().get(), bytes, stop, until); !sent) return with_place(reason_of(sent.error()));
  Connected connected{.fd = std::move(fd).value(), .early = {}};
  if (const auto done = read_auth(connected.fd.get(), stop, until, connected.early); !done) return with_place(done.error());
  return connected;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out(text.substr(0, 200));
  for (char& c : out) {
    if (c < ' ' || c > '~') c = '?';
  }
  return out;
}

Result<Connected, std::string> connect_bus(const std::string& address, const Wakeup& stop) {
  const auto list = dbus::parse_address(address);
  if (!list) {
    return fail("bus address \"" + printable(address) + "\" refused: " + std::string(name(list.error().code)) +
                " at byte " + std::to_string(list.error().offset) + "; write unix:path=/run/dbus/system_bus_socket or alike");
  }
  std::string reasons;
  for (const auto& each : list.value()) {
    auto connected = try_address(each, stop);
    if (connected) return connected;
    reasons += (reasons.empty() ? "" : "; ") + connected.error();
  }
  return fail(std::move(reasons));
}

std::vector<std::uint8_t> Subscription::calls() const {
  std::vector<std::uint8_t> all = dbus::driver_call(1, "Hello");
  for (std::size_t i = 0; i < rules_.size(); i++) {
    const auto call = dbus::driver_call(static_cast<std::uint32_t>(i + 2), "AddMatch", rules_[i]);
    all.insert(all.end(), call.begin(), call.end());
  }
  return all;
}

void Subscription::reply(const dbus::Message& message) {
  if (message.reply_serial > rules_.size() + 1) return;
  if (complete()) return;
  answered_++;
  if (refused_) return;
  if (!message.is(dbus::MessageType::kError)) {
    if (complete()) on_complete_();
    return;
  }
  std::string_view detail;
  if (message.signature.starts_with('s')) {
    detail = dbus::WireReader(message.bytes, message.frame.order, message.frame.header_bytes()).read_string();
  }
  const std::string call = message.reply_serial == 1 ? "Hello" : "AddMatch(" + printable(rules_[message.reply_serial - 2]) + ")";
  refused_ = "the bus refused " + call + ": " + printable(message.error_name) + ": " + printable(detail);
}

}  // namespace unitscope
