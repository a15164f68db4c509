#pragma once

#include <systemd/sd-bus.h>

#include <cstdint>
#include <string_view>

#include "units.h"

// What a systemd answers: the properties that PropertiesChanged announces, as the last signal said them, and a fair share
// of those that it does not (Requires=, After=, ...), so that a reply is not a toy.

namespace bench {

inline int append_strings(sd_bus_message* reply, std::initializer_list<const char*> names) {
  int r = sd_bus_message_open_container(reply, 'a', "s");
  for (const char* name : names) if (r >= 0) r = sd_bus_message_append(reply, "s", name);
  return r < 0 ? r : sd_bus_message_close_container(reply);
}

inline int get_unit(sd_bus*, const char*, const char*, const char* property, sd_bus_message* reply, void* data, sd_bus_error*) {
  const auto& unit = *static_cast<Unit*>(data);
  const Step& at = *unit.unit_step;
  const std::string_view name = property;
  const auto text = [&](const std::string& value) { return sd_bus_message_append(reply, "s", value.c_str()); };
  const auto time = [&](const Told& told) { return sd_bus_message_append(reply, "t", unit.time_of(told)); };
  if (name == "Id") return text(unit.name);
  if (name == "Description") return text("A service of the benchmark, " + unit.name);
  if (name == "FragmentPath") return text("/etc/systemd/system/" + unit.name);
  if (name == "LoadState") return text("loaded");
  if (name == "UnitFileState") return text("enabled");
  if (name == "ActiveState") return text(at.active);
  if (name == "SubState") return text(at.sub);
  if (name == "StateChangeTimestamp") return time(at.state_change);
  if (name == "InactiveExitTimestamp") return time(at.inactive_exit);
  if (name == "ActiveEnterTimestamp") return time(at.active_enter);
  if (name == "ActiveExitTimestamp") return time(at.active_exit);
  if (name == "InactiveEnterTimestamp") return time(at.inactive_enter);
  if (name == "ConditionTimestamp") return time(at.condition);
  if (name == "ConditionResult" || name == "AssertResult") return sd_bus_message_append(reply, "b", 1);
  if (name == "InvocationID") {
    const Octets id = unit.invocation_of(at);
    return sd_bus_message_append_array(reply, 'y', id.data(), id.size());
  }
  if (name == "Job") {
    const std::string path = at.job == 0 ? "/" : "/org/freedesktop/systemd1/job/" + std::to_string(at.job);
    return sd_bus_message_append(reply, "(uo)", at.job, path.c_str());
  }
  if (name == "Requires") return append_strings(reply, {"system.slice", "sysinit.target"});
  if (name == "After") return append_strings(reply, {"system.slice", "sysinit.target", "basic.target", "systemd-journald.socket"});
  if (name == "Before" || name == "Conflicts") return append_strings(reply, {"shutdown.target"});
  return append_strings(reply, {});  // Requisite, BindsTo, Wants, ...
}

inline int get_service(sd_bus*, const char*, const char*, const char* property, sd_bus_message* reply, void* data, sd_bus_error*) {
  const Step& at = *static_cast<Unit*>(data)->service_step;
  const std::string_view name = property;
  if (name == "Type") return sd_bus_message_append(reply, "s", "simple");
  if (name == "Result") return sd_bus_message_append(reply, "s", at.result.c_str());
  if (name == "MainPID") return sd_bus_message_append(reply, "u", at.main_pid);
  if (name == "ControlPID") return sd_bus_message_append(reply, "u", 0);
  if (name == "NRestarts") return sd_bus_message_append(reply, "u", at.restarts);
  if (name == "ExecMainPID") return sd_bus_message_append(reply, "u", at.exec_pid);
  if (name == "ExecMainCode") return sd_bus_message_append(reply, "i", at.exec_code);
  if (name == "ExecMainStatus") return sd_bus_message_append(reply, "i", at.exec_status);
  if (name == "Restart") return sd_bus_message_append(reply, "s", "on-failure");
  if (name == "RestartUSec") return sd_bus_message_append(reply, "t", std::uint64_t{100'000});
  if (name == "RemainAfterExit") return sd_bus_message_append(reply, "b", 0);
  if (name == "RestartForceExitStatus" || name == "RestartPreventExitStatus") return sd_bus_message_append(reply, "(aiai)", 0, 0);
  if (name == "Slice") return sd_bus_message_append(reply, "s", "system.slice");
  if (name == "ExecMainStartTimestamp") return sd_bus_message_append(reply, "t", at.exec_start);
  return sd_bus_message_append(reply, "t", at.exec_exit);
}

inline int find_unit(sd_bus*, const char* path, const char*, void* units, void** found, sd_bus_error*) {
  *found = static_cast<Units*>(units)->find(path);
  return *found == nullptr ? 0 : 1;
}

inline int list_units(sd_bus_message* call, void* data, sd_bus_error*) {
  sd_bus_message* reply = nullptr;
  int r = sd_bus_message_new_method_return(call, &reply);
  if (r >= 0) r = sd_bus_message_open_container(reply, 'a', "(ssssssouso)");
  for (const Unit& unit : static_cast<Units*>(data)->all()) {
    if (r < 0) break;
    const Step& at = *unit.unit_step;
    const std::string job = at.job == 0 ? "/" : "/org/freedesktop/systemd1/job/" + std::to_string(at.job);
    r = sd_bus_message_append(reply, "(ssssssouso)", unit.name.c_str(), "A service of the benchmark", "loaded",
                              at.active.c_str(), at.sub.c_str(), "", unit.path.c_str(), at.job, at.job == 0 ? "" : "start",
                              job.c_str());
  }
  if (r >= 0) r = sd_bus_message_close_container(reply);
  if (r >= 0) r = sd_bus_send(nullptr, reply, nullptr);
  sd_bus_message_unref(reply);
  return r;
}

inline int subscribe(sd_bus_message* call, void*, sd_bus_error*) { return sd_bus_reply_method_return(call, ""); }

inline int get_manager(sd_bus*, const char*, const char*, const char* property, sd_bus_message* reply, void*, sd_bus_error*) {
  const std::string_view name = property;
  if (name == "UnitsLoadTimestamp" || name == "FinishTimestamp") return sd_bus_message_append(reply, "t", std::uint64_t{1'795'176'000'000'000});
  return sd_bus_message_append(reply, "s", name == "Version" ? "252 (benchmark)" : "running");
}

#define UNIT(name, type) SD_BUS_PROPERTY(name, type, get_unit, 0, 0)
#define SERVICE(name, type) SD_BUS_PROPERTY(name, type, get_service, 0, 0)
inline const sd_bus_vtable kManager[] = {SD_BUS_VTABLE_START(0),
                                         SD_BUS_METHOD("Subscribe", "", "", subscribe, SD_BUS_VTABLE_UNPRIVILEGED),
                                         SD_BUS_METHOD("ListUnits", "", "a(ssssssouso)", list_units, SD_BUS_VTABLE_UNPRIVILEGED),
                                         SD_BUS_PROPERTY("Version", "s", get_manager, 0, 0),
                                         SD_BUS_PROPERTY("SystemState", "s", get_manager, 0, 0),
                                         SD_BUS_PROPERTY("UnitsLoadTimestamp", "t", get_manager, 0, 0),
                                         SD_BUS_PROPERTY("FinishTimestamp", "t", get_manager, 0, 0), SD_BUS_VTABLE_END};
inline const sd_bus_vtable kUnit[] = {
    SD_BUS_VTABLE_START(0), UNIT("Id", "s"), UNIT("Description", "s"), UNIT("FragmentPath", "s"), UNIT("LoadState", "s"),
    UNIT("UnitFileState", "s"), UNIT("ActiveState", "s"), UNIT("SubState", "s"), UNIT("StateChangeTimestamp", "t"),
    UNIT("InactiveExitTimestamp", "t"), UNIT("ActiveEnterTimestamp", "t"), UNIT("ActiveExitTimestamp", "t"),
    UNIT("InactiveEnterTimestamp", "t"), UNIT("ConditionTimestamp", "t"), UNIT("ConditionResult", "b"),
    UNIT("AssertResult", "b"), UNIT("InvocationID", "ay"), UNIT("Job", "(uo)"), UNIT("Requires", "as"),
    UNIT("Requisite", "as"), UNIT("BindsTo", "as"), UNIT("Wants", "as"), UNIT("WantedBy", "as"), UNIT("RequiredBy", "as"),
    UNIT("RequisiteOf", "as"), UNIT("BoundBy", "as"), UNIT("PartOf", "as"), UNIT("ConsistsOf", "as"), UNIT("Upholds", "as"),
    UNIT("UpheldBy", "as"), UNIT("StopPropagatedFrom", "as"), UNIT("PropagatesStopTo", "as"), UNIT("Conflicts", "as"),
    UNIT("ConflictedBy", "as"), UNIT("Before", "as"), UNIT("After", "as"), UNIT("OnFailure", "as"), UNIT("OnFailureOf", "as"),
    UNIT("Triggers", "as"), UNIT("TriggeredBy", "as"), UNIT("Documentation", "as"), SD_BUS_VTABLE_END};
inline const sd_bus_vtable kService[] = {
    SD_BUS_VTABLE_START(0), SERVICE("Type", "s"), SERVICE("Result", "s"), SERVICE("MainPID", "u"), SERVICE("ControlPID", "u"),
    SERVICE("NRestarts", "u"), SERVICE("ExecMainPID", "u"), SERVICE("ExecMainCode", "i"), SERVICE("ExecMainStatus", "i"),
    SERVICE("Restart", "s"), SERVICE("RestartUSec", "t"), SERVICE("RemainAfterExit", "b"), SERVICE("Slice", "s"),
    SERVICE("RestartForceExitStatus", "(aiai)"), SERVICE("RestartPreventExitStatus", "(aiai)"),
    SERVICE("ExecMainStartTimestamp", "t"), SERVICE("ExecMainExitTimestamp", "t"), SD_BUS_VTABLE_END};
#undef UNIT
#undef SERVICE

/// Adds all that to a connection; `units` must outlive it.
inline int answer_calls(sd_bus* bus, Units& units) {
  constexpr const char* kRoot = "/org/freedesktop/systemd1";
  int r = sd_bus_add_object_vtable(bus, nullptr, kRoot, "org.freedesktop.systemd1.Manager", kManager, &units);
  if (r >= 0) r = sd_bus_add_fallback_vtable(bus, nullptr, "/org/freedesktop/systemd1/unit", "org.freedesktop.systemd1.Unit", kUnit, find_unit, &units);
  if (r >= 0) r = sd_bus_add_fallback_vtable(bus, nullptr, "/org/freedesktop/systemd1/unit", "org.freedesktop.systemd1.Service", kService, find_unit, &units);
  return r;
}

}  // namespace bench
