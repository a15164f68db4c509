#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "core/batch/record_buffer.h"
#include "harness.h"

namespace unitscope {
namespace {

// Read by test/unit/binding/decode.test.ts as well. Tests run in the project's root.
constexpr const char* kGolden = "test/golden/batch/records.bin";

/// Every field of a state, each with a value of its own.
UnitState every_field() {
  UnitState state{.active_state = 2, .sub_state = 3, .result = 4, .condition_result = 1, .assert_result = 0, .job_id = 5,
                  .main_pid = 6, .control_pid = 7, .n_restarts = 8, .exec_main_pid = 9, .exec_main_code = -10,
                  .exec_main_status = -11, .known = (1u << 22) - 1, .state_change_usec = (1ull << 32) + 12, .inactive_exit_usec = 13,
                  .active_enter_usec = 14, .active_exit_usec = 15, .inactive_enter_usec = 16, .exec_main_start_usec = 17,
                  .exec_main_exit_usec = 18, .last_trigger_usec = 1ull << 52,
                  .condition_usec = 19};
  for (std::size_t i = 0; i < sizeof state.invocation_id; i++) state.invocation_id[i] = static_cast<std::uint8_t>(i * 16 + 1);
  return state;
}

const test::Test kLayout{"golden: the bytes of every kind of record are those in test/golden/batch", [] {
  RecordBuffer buffer;
  RecordWriter writer;
  const UnitState whole = every_field(), empty;
  const RecordTimes times{.realtime_ns = 1'700'000'000'123'456'789, .boottime_ns = 42};
  const auto put = [&](RecordKind kind, const RecordFields& fields) { buffer.take(writer.write(kind, times, fields), fields.urgent); };
  put(RecordKind::kConnected, {.urgent = true});
  put(RecordKind::kUnitChanged, {.text = "a@b.service", .unit = {1, 1}, .state = &whole, .urgent = true});
  put(RecordKind::kUnitChanged, {.text = "-.slice", .unit = {70'000, 3'000'000'000}, .state = &empty});
  put(RecordKind::kUnitNew, {.text = "x.service"});
  put(RecordKind::kUnitRemoved, {.text = "dev-sda\\x2d1.swap", .unit = {2, 9}});
  put(RecordKind::kJobNew, {.text = "x.service", .value = 4'000'000'000});
  put(RecordKind::kJobRemoved, {.text = "x.service", .unit = {3, 1}, .value = 7, .symbol = 4});
  put(RecordKind::kReloading, {.value = 1});
  put(RecordKind::kReloading, {.value = 0});
  put(RecordKind::kOwnerChanged, {.value = 1});
  put(RecordKind::kUnitFilesChanged, {});
  put(RecordKind::kLost, {.value = 99});
  put(RecordKind::kDisconnected, {.text = "the bus closed the connection", .urgent = true});

  std::vector<std::uint8_t> bytes(4096);
  bytes.resize(buffer.drain_into(bytes));
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(kGolden, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  std::ifstream file(kGolden, std::ios::binary);
  const std::vector<char> golden{std::istreambuf_iterator<char>(file), {}};
  test::equal(golden.size(), bytes.size(), "size; UPDATE_GOLDEN=1 writes it anew");
  for (std::size_t i = 0; i < std::min(golden.size(), bytes.size()); i++) {
    if (static_cast<std::uint8_t>(golden[i]) != bytes[i]) return test::check(false, "byte " + std::to_string(i));
  }
}};

}  // namespace
}  // namespace unitscope
