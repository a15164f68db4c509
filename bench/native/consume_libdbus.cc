// consume_libdbus ADDRESS: the same as consume_sd_bus, with libdbus.
#include <dbus/dbus.h>

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

void* place_of(std::string_view name, State& state) {
  if (name == "ActiveState") return &state.active;
  if (name == "SubState") return &state.sub;
  if (name == "Result") return &state.result;
  if (name == "MainPID") return &state.main_pid;
  if (name == "NRestarts") return &state.restarts;
  if (name == "ExecMainPID") return &state.exec_pid;
  if (name == "ExecMainCode") return &state.exec_code;
  if (name == "ExecMainStatus") return &state.exec_status;
  return nullptr;
}

void on_change(DBusMessage* message, bench::Meter& meter) {
  DBusMessageIter body, properties;
  if (!dbus_message_iter_init(message, &body)) std::exit(1);
  dbus_message_iter_next(&body);
  State state;
  for (dbus_message_iter_recurse(&body, &properties); dbus_message_iter_get_arg_type(&properties) == DBUS_TYPE_DICT_ENTRY;
       dbus_message_iter_next(&properties)) {
    DBusMessageIter entry, value;
    dbus_message_iter_recurse(&properties, &entry);
    const char* name;
    dbus_message_iter_get_basic(&entry, &name);
    void* const place = place_of(name, state);
    if (place == nullptr) continue;
    dbus_message_iter_next(&entry);
    dbus_message_iter_recurse(&entry, &value);
    dbus_message_iter_get_basic(&value, place);
  }
  meter.signal();
}

void on_message(DBusMessage* message, bench::Meter& meter) {
  if (dbus_message_is_signal(message, "org.freedesktop.DBus.Properties", "PropertiesChanged")) return on_change(message, meter);
  const char* unit;
  if (dbus_message_is_signal(message, "org.freedesktop.systemd1.Manager", "UnitNew") &&
      dbus_message_get_args(message, nullptr, DBUS_TYPE_STRING, &unit, DBUS_TYPE_INVALID)) {
    meter.unit_new(unit);
  }
}

}  // namespace

int main(int, char** argv) {
  return bench::serve([argv](bench::Meter& meter) {
    DBusError error = DBUS_ERROR_INIT;
    DBusConnection* const bus = dbus_connection_open_private(argv[1], &error);
    if (bus != nullptr) dbus_bus_register(bus, &error);
    for (const char* rule : bench::kRules) if (!dbus_error_is_set(&error)) dbus_bus_add_match(bus, rule, &error);
    if (dbus_error_is_set(&error)) {
      std::fprintf(stderr, "consume_libdbus: %s\n", error.message);
      std::exit(1);
    }
    bench::say_ready();
    while (!meter.over() && dbus_connection_read_write(bus, -1)) {
      while (DBusMessage* const message = dbus_connection_pop_message(bus)) {
        on_message(message, meter);
        dbus_message_unref(message);
      }
    }
    dbus_connection_close(bus);
    dbus_connection_unref(bus);
  });
}
