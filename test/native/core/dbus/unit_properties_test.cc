#include "core/dbus/unit_properties.h"

#include <algorithm>
#include <set>
#include <string>

#include "harness.h"
#include "support/message_builder.h"

namespace unitscope::dbus {
namespace {

using test::Fill;
using test::Wire;

struct Sent {
  std::string name;
  std::string type;
  Fill value;
};

const auto u32 = [](std::uint32_t value) { return [value](Wire& out) { out.u32(value); }; };
const auto u64 = [](std::uint64_t value) { return [value](Wire& out) { out.u64(value); }; };
const auto text = [](std::string value) { return [value](Wire& out) { out.str(value); }; };
const auto bytes = [](std::size_t count) {
  return [count](Wire& out) {
    out.array(1, [count](Wire& list) {
      for (std::size_t i = 0; i < count; i++) list.u8(static_cast<unsigned>(i + 1));
    });
  };
};

struct Read {
  SymbolTable symbols;
  UnitState state;
  PropertyReader reader;
  std::string end = "ok";

  /// A set of properties as systemd sends it, read on top of what is known.
  Read& of(const std::vector<Sent>& sent, ByteOrder order = ByteOrder::kLittle) {
    Wire out(order);
    out.array(8, [&](Wire& dict) {
      for (const Sent& each : sent) each.value(dict.align(8).str(each.name).sig(each.type));
    });
    out.array(4, [](Wire& list) { list.str("Conditions"); });
    WireReader in(out.bytes, order);
    reader.read(in, symbols, state);
    end = in.ok() ? in.at_end() ? "ok" : "not at its end" : std::string(name(in.rejection().reason));
    return *this;
  }
  [[nodiscard]] std::string id() const {
    std::string out;
    for (const std::uint8_t byte : state.invocation_id) out += std::to_string(byte) + " ";
    return out;
  }
};

const std::string kNoId = "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 ";

const test::Test kAll{"unit properties: each that is tracked is read into its field and known from then on, in both byte orders", [] {
  for (const ByteOrder order : {ByteOrder::kLittle, ByteOrder::kBig}) {
    Read read;
    read.of({{"ActiveState", "s", text("active")}, {"SubState", "s", text("running")}, {"Result", "s", text("success")},
             {"ConditionResult", "b", u32(1)}, {"AssertResult", "b", u32(0)},
             {"Job", "(uo)", [](Wire& out) { out.align(8).u32(7).str("/job/7"); }},
             {"MainPID", "u", u32(11)}, {"ControlPID", "u", u32(12)}, {"NRestarts", "u", u32(13)}, {"ExecMainPID", "u", u32(14)},
             {"ExecMainCode", "i", u32(2)}, {"ExecMainStatus", "i", u32(static_cast<std::uint32_t>(-15))},
             {"InvocationID", "ay", bytes(16)},
             {"StateChangeTimestamp", "t", u64(1ull << 40)}, {"InactiveExitTimestamp", "t", u64(2)}, {"ActiveEnterTimestamp", "t", u64(3)},
             {"ActiveExitTimestamp", "t", u64(4)}, {"InactiveEnterTimestamp", "t", u64(5)}, {"ExecMainStartTimestamp", "t", u64(6)},
             {"ExecMainExitTimestamp", "t", u64(7)}, {"LastTriggerUSec", "t", u64(8)}, {"ConditionTimestamp", "t", u64(9)},
             {"Description", "s", text("not tracked")}, {"", "s", text("no name")}}, order);
    const UnitState& state = read.state;
    test::equal(read.end, "ok");
    test::equal(read.symbols.text(state.active_state), "active");
    test::equal(read.symbols.text(state.sub_state), "running");
    test::equal(read.symbols.text(state.result), "success");
    test::equal(int(state.condition_result) * 10 + int(state.assert_result), 10);
    test::equal(state.job_id, 7u);
    test::equal(state.main_pid, 11u);
    test::equal(state.control_pid, 12u);
    test::equal(state.n_restarts, 13u);
    test::equal(state.exec_main_pid, 14u);
    test::equal(state.exec_main_code, 2);
    test::equal(state.exec_main_status, -15);
    test::equal(read.id(), "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 ");
    test::equal(state.state_change_usec, 1ull << 40);
    const std::uint64_t times[] = {state.inactive_exit_usec, state.active_enter_usec, state.active_exit_usec, state.inactive_enter_usec,
                                   state.exec_main_start_usec, state.exec_main_exit_usec, state.last_trigger_usec, state.condition_usec};
    for (std::uint64_t i = 0; i < std::size(times); i++) test::equal(times[i], i + 2);
    test::equal(state.known, (1u << 22) - 1, "all 22 of them");
  }
}};

const test::Test kTypes{"unit properties: one of another type than systemd's is as if it had not come", [] {
  Read read;
  read.of({{"MainPID", "u", u32(11)}});
  read.of({{"MainPID", "t", u64(12)}, {"ActiveState", "u", u32(1)}, {"InvocationID", "s", text("x")}, {"Job", "u", u32(9)}});
  test::equal(read.end, "ok");
  test::equal(read.state.main_pid, 11u);
  test::equal(read.state.known, 1u << 6);
}};

const test::Test kId{"unit properties: an invocation ID has 16 bytes, or it is none; it empties what was there", [] {
  for (const std::size_t size : {std::size_t{0}, std::size_t{15}, std::size_t{17}}) {
    Read read;
    read.of({{"InvocationID", "ay", bytes(16)}}).of({{"InvocationID", "ay", bytes(size)}, {"MainPID", "u", u32(3)}});
    test::equal(read.end, "ok", std::to_string(size));
    test::equal(read.id(), kNoId, std::to_string(size));
    test::equal(read.state.main_pid, 3u, "what follows is still found");
  }
}};

const test::Test kBroken{"unit properties: a broken value is told by its reason, wherever it stands", [] {
  const auto end = [](const std::string& type, Fill value, const std::string& name) {
    return Read().of({{name, type, std::move(value)}}).end;
  };
  test::equal(end("b", u32(2), "ConditionResult"), "boolean");
  test::equal(end("s", text("\xff"), "ActiveState"), "utf8");
  test::equal(end("s", text("\xff"), "Description"), "utf8");
  test::equal(end("(uo)", [](Wire& out) { out.align(8).u32(7).str("job"); }, "Job"), "path");
  test::equal(end("ay", [](Wire& out) { out.u32(100).u8(1); }, "InvocationID"), "truncated");
  test::equal(end("uu", u32(1), "MainPID"), "variant_signature");
}};

const test::Test kInterfaceNames{"unit properties: which interface a set belongs to", [] {
  const auto number = [](std::string_view part) { return interface_of("org.freedesktop.systemd1." + std::string(part)); };
  test::equal(number("Unit"), kUnitInterface);
  std::set<std::size_t> types;
  for (const std::string_view type : {"Service", "Socket", "Timer", "Mount", "Path", "Scope", "Swap", "Automount"}) {
    test::check(number(type) != kUnitInterface && number(type) < kInterfaces && types.insert(number(type)).second, type);
  }
  for (const std::string_view none : {"", "Slice", "Manager", "Units", "unit"}) test::equal(number(none), kNoInterface, none);
  test::equal(interface_of("org.freedesktop.systemd2.Unit"), kNoInterface);
}};

}  // namespace
}  // namespace unitscope::dbus
