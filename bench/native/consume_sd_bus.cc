// consume_sd_bus ADDRESS: counts systemd's signals with sd-bus, and reads of each what a watcher of services needs.
#include <systemd/sd-bus.h>

#include <cstdlib>

#include "consumer.h"

namespace {

struct State {
  const char* active = nullptr;
  const char* sub = nullptr;
  const char* result = nullptr;
  std::uint32_t main_pid = 0, restarts = 0, exec_pid = 0;
  std::int32_t exec_code = 0, exec_status = 0;
};

void check(int r, const char* what) {
  if (r >= 0) return;
  std::fprintf(stderr, "consume_sd_bus: %s: %s\n", what, std::strerror(-r));
  std::exit(1);
}

int read_value(sd_bus_message* message, std::string_view name, State& state) {
  if (name == "ActiveState") return sd_bus_message_read(message, "v", "s", &state.active);
  if (name == "SubState") return sd_bus_message_read(message, "v", "s", &state.sub);
  if (name == "Result") return sd_bus_message_read(message, "v", "s", &state.result);
  if (name == "MainPID") return sd_bus_message_read(message, "v", "u", &state.main_pid);
  if (name == "NRestarts") return sd_bus_message_read(message, "v", "u", &state.restarts);
  if (name == "ExecMainPID") return sd_bus_message_read(message, "v", "u", &state.exec_pid);
  if (name == "ExecMainCode") return sd_bus_message_read(message, "v", "i", &state.exec_code);
  if (name == "ExecMainStatus") return sd_bus_message_read(message, "v", "i", &state.exec_status);
  return sd_bus_message_skip(message, "v");
}

int on_change(sd_bus_message* message, void* meter, sd_bus_error*) {
  const char* interface;
  check(sd_bus_message_read(message, "s", &interface), "interface");
  check(sd_bus_message_enter_container(message, 'a', "{sv}"), "properties");
  State state;
  while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
    const char* name;
    check(sd_bus_message_read(message, "s", &name), "name");
    check(read_value(message, name, state), name);
    check(sd_bus_message_exit_container(message), "entry");
  }
  static_cast<bench::Meter*>(meter)->signal();
  return 0;
}

int on_manager(sd_bus_message* message, void* meter, sd_bus_error*) {
  const char* unit;
  if (sd_bus_message_is_signal(message, nullptr, "UnitNew") > 0 && sd_bus_message_read(message, "s", &unit) >= 0) {
    static_cast<bench::Meter*>(meter)->unit_new(unit);
  }
  return 0;
}

}  // namespace

int main(int, char** argv) {
  return bench::serve([argv](bench::Meter& meter) {
    sd_bus* bus = nullptr;
    check(sd_bus_new(&bus), "new");
    check(sd_bus_set_address(bus, argv[1]), "address");
    check(sd_bus_set_bus_client(bus, 1), "client");
    check(sd_bus_start(bus), "start");
    check(sd_bus_add_match(bus, nullptr, bench::kRules[0], on_change, &meter), "match");
    check(sd_bus_add_match(bus, nullptr, bench::kRules[1], on_manager, &meter), "match");
    bench::say_ready();
    while (!meter.over()) {
      const int r = sd_bus_process(bus, nullptr);
      check(r, "process");
      if (r == 0) check(sd_bus_wait(bus, UINT64_MAX), "wait");
    }
    sd_bus_flush_close_unref(bus);
  });
}
