// fake_systemd ADDRESS TRAFFIC UNITS: owns org.freedesktop.systemd1 on a bus, sends recorded signals of so many units on command, and
// answers the calls an agent makes. Says `ready`, then reads commands from standard input and answers each with one line:
//
//   flood COUNT RATE MARKER   sends COUNT signals (pairs of Service and Unit), RATE a second (0: as fast as the bus takes
//                             them), then UnitNew(MARKER); `{"sent":..,"changes":..,"startUs":..,"endUs":..,"lateUs":..}`
//
//   renew COUNT               COUNT units go (UnitRemoved), and as many others come in their places (UnitNew); `{"sent":..}`
//
// Each signal is one write, as systemd writes them. The units take turns, pair by pair. Where the state is another than before,
// StateChangeTimestamp is the moment of sending (CLOCK_REALTIME), and so are the other timestamps that were the same in the
// recording: a reader can tell how old a change is. Each run of each unit has an InvocationID of its own.
// startUs and endUs are CLOCK_MONOTONIC; lateUs is by how much the worst pair missed its time.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "answers.h"

namespace {

using namespace bench;

[[noreturn]] void die(const char* what, int error) {
  std::fprintf(stderr, "fake_systemd: %s: %s\n", what, std::strerror(error));
  std::exit(1);
}

class FakeSystemd {
 public:
  FakeSystemd(const char* address, const char* traffic, std::size_t count) : units_(read_traffic(traffic), count) {
    int r = sd_bus_new(&bus_);
    if (r >= 0) r = sd_bus_set_address(bus_, address);
    if (r >= 0) r = sd_bus_set_bus_client(bus_, 1);
    if (r >= 0) r = sd_bus_start(bus_);
    if (r >= 0) r = answer_calls(bus_, units_);
    if (r >= 0) r = sd_bus_request_name(bus_, "org.freedesktop.systemd1", 0);
    if (r < 0) die(address, -r);
  }

  /// Reads commands until standard input ends.
  void run() {
    std::puts("ready");
    std::fflush(stdout);
    std::string line;
    while (true) {
      serve();
      pollfd ready[] = {{STDIN_FILENO, POLLIN, 0}, {sd_bus_get_fd(bus_), POLLIN, 0}};
      if (::poll(ready, 2, -1) < 0 && errno != EINTR) die("poll", errno);
      if ((ready[0].revents & (POLLIN | POLLHUP)) == 0) continue;
      char byte;
      if (::read(STDIN_FILENO, &byte, 1) <= 0) return;
      if (byte != '\n') line += byte;
      else command(std::exchange(line, {}));
    }
  }

 private:
  void command(const std::string& line) {
    std::uint64_t count = 0, rate = 0;
    char marker[256];
    if (std::sscanf(line.c_str(), "renew %" SCNu64, &count) == 1) return renew(count);
    if (std::sscanf(line.c_str(), "flood %" SCNu64 " %" SCNu64 " %255s", &count, &rate, marker) != 3) die(line.c_str(), EINVAL);
    flood(count / 2, rate, marker);
  }

  void flood(std::uint64_t pairs, std::uint64_t rate, const char* marker) {
    changes_ = 0;
    late_ns_ = 0;
    const std::uint64_t start = clock_ns(CLOCK_MONOTONIC);
    for (std::uint64_t i = 0; i < pairs; i++) {
      // By the plan, not by the pair before: one that was late makes none of the others late.
      if (i % 32 == 0) serve();
      if (rate > 0) wait_until(start + i * 2'000'000'000 / rate);
      Unit& unit = units_.all()[turn_++ % units_.all().size()];
      send_next(unit);
      send_next(unit);
    }
    const std::uint64_t end = clock_ns(CLOCK_MONOTONIC);
    mark(marker);
    std::printf("{\"sent\":%" PRIu64 ",\"changes\":%" PRIu64 ",\"startUs\":%" PRIu64 ",\"endUs\":%" PRIu64 ",\"lateUs\":%" PRIu64 "}\n",
                pairs * 2, changes_, start / 1000, end / 1000, late_ns_ / 1000);
    std::fflush(stdout);
  }

  void renew(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; i++) {
      Unit& unit = units_.all()[renewed_++ % units_.all().size()];
      mark(unit.name.c_str(), "UnitRemoved");
      units_.renew(unit);
      mark(unit.name.c_str());
      serve();
    }
    std::printf("{\"sent\":%" PRIu64 "}\n", count * 2);
    std::fflush(stdout);
  }

  void send_next(Unit& unit) {
    if (unit.next == unit.story->size()) unit.next = 0, unit.run++;
    Step& step = (*unit.story)[unit.next++];
    if (step.unit) {
      if (step.changed >= 0) {
        unit.instants_usec[static_cast<std::size_t>(step.changed)] = clock_ns(CLOCK_REALTIME) / 1000;
        changes_++;
      }
      make_own(unit, step);
    }
    (step.unit ? unit.unit_step : unit.service_step) = &step;
    send(unit.header, step.body);
  }

  /// Writes this unit's times and its invocation over those of the recording, or of the unit before.
  static void make_own(const Unit& unit, Step& step) {
    for (const Told* told : {&step.state_change, &step.inactive_exit, &step.active_enter, &step.active_exit, &step.inactive_enter}) {
      if (told->instant < 0) continue;
      const std::uint64_t time = unit.time_of(*told);
      std::memcpy(&step.body[told->at], &time, sizeof time);
    }
    const Octets id = unit.invocation_of(step);
    if (!id.empty()) std::memcpy(&step.body[step.invocation_at], id.data(), id.size());
  }

  void mark(const char* name, const char* member = "UnitNew") {
    auto header = signal_header("/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", member, "so");
    Marshal body;
    body.string(name);
    body.string(unit_path(name));
    send(header, body.bytes);
  }

  void send(std::vector<std::uint8_t>& header, std::vector<std::uint8_t>& body) {
    set_body_and_serial(header, body.size(), serial_++);
    iovec parts[] = {{header.data(), header.size()}, {body.data(), body.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    std::size_t left = header.size() + body.size();
    while (true) {
      const ssize_t sent = ::sendmsg(sd_bus_get_fd(bus_), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno != EAGAIN && errno != EINTR) die("send", errno);
      if (sent < 0) {
        wait_writable();
        continue;
      }
      left -= static_cast<std::size_t>(sent);
      if (left == 0) return;
      for (std::size_t skip = static_cast<std::size_t>(sent); skip > 0;) {
        iovec& part = *message.msg_iov;
        const std::size_t step = std::min(skip, part.iov_len);
        part.iov_base = static_cast<std::uint8_t*>(part.iov_base) + step;
        part.iov_len -= step;
        skip -= step;
        if (part.iov_len == 0 && message.msg_iovlen > 1) message.msg_iov++, message.msg_iovlen--;
      }
    }
  }

  void wait_writable() {
    pollfd writable{sd_bus_get_fd(bus_), POLLOUT, 0};
    (void)::poll(&writable, 1, -1);
  }

  /// Answers calls meanwhile, up to the last ms, which a sleep on the clock fills exactly.
  void wait_until(std::uint64_t deadline) {
    constexpr std::uint64_t kExactNs = 1'000'000;
    for (std::uint64_t now; (now = clock_ns(CLOCK_MONOTONIC)) + kExactNs < deadline;) {
      const std::uint64_t wait = deadline - now - kExactNs;
      const timespec time{static_cast<time_t>(wait / 1'000'000'000), static_cast<long>(wait % 1'000'000'000)};
      pollfd readable{sd_bus_get_fd(bus_), POLLIN, 0};
      if (::ppoll(&readable, 1, &time, nullptr) > 0) serve();
    }
    const timespec at{static_cast<time_t>(deadline / 1'000'000'000), static_cast<long>(deadline % 1'000'000'000)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr);
    const std::uint64_t now = clock_ns(CLOCK_MONOTONIC);
    late_ns_ = std::max(late_ns_, now > deadline ? now - deadline : 0);
  }

  /// Handles what has come, and leaves nothing half written: signals go around sd-bus, straight into its socket.
  void serve() {
    int r;
    do r = sd_bus_process(bus_, nullptr);
    while (r > 0);
    if (r >= 0) r = sd_bus_flush(bus_);
    if (r < 0) die("bus", -r);
  }

  Units units_;
  sd_bus* bus_ = nullptr;
  std::uint64_t turn_ = 0;
  std::uint64_t renewed_ = 0;
  std::uint64_t changes_ = 0;
  std::uint64_t late_ns_ = 0;
  std::uint32_t serial_ = 1u << 30;  // far from sd-bus's own
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) die("usage: fake_systemd ADDRESS TRAFFIC UNITS", EINVAL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_TIMERSLACK, 1);
  FakeSystemd(argv[1], argv[2], std::strtoul(argv[3], nullptr, 10)).run();
}
