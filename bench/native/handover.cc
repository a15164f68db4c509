// handover.node: hands events to JavaScript the way most addons do: one call of a thread-safe function for each, with an object
// made in C++. The fields are those of the product's `unit_changed` record (src/data/signal-record.ts).
//
//   oneCallPerEvent(count, onEvent)   calls onEvent(record) count times, from a thread of its own
//   threadCpuNs()                     CPU time of the calling thread
#include <node_api.h>
#include <pthread.h>
#include <time.h>

#include <cstdint>
#include <cstdio>

namespace {

constexpr const char* kNumbers[] = {"jobId", "mainPid", "controlPid", "nRestarts", "execMainPid", "execMainCode", "execMainStatus",
                                    "stateChangeUsec", "inactiveExitUsec", "activeEnterUsec", "activeExitUsec",
                                    "inactiveEnterUsec", "execMainStartUsec", "execMainExitUsec", "lastTriggerUsec", "conditionUsec"};
/// Calls on their way; the producer then waits.
constexpr std::size_t kQueue = 1000;

struct Job {
  napi_threadsafe_function call = nullptr;
  std::uint64_t count = 0;
};

napi_value text(napi_env env, const char* value) {
  napi_value out;
  napi_create_string_latin1(env, value, NAPI_AUTO_LENGTH, &out);
  return out;
}

napi_value number(napi_env env, double value) {
  napi_value out;
  napi_create_double(env, value, &out);
  return out;
}

napi_value boolean(napi_env env, bool value) {
  napi_value out;
  napi_get_boolean(env, value, &out);
  return out;
}

napi_value record(napi_env env, std::uint64_t i) {
  napi_value out, state, time;
  napi_create_object(env, &out);
  napi_create_object(env, &state);
  napi_create_bigint_uint64(env, i, &time);
  char unit[64];
  std::snprintf(unit, sizeof unit, "bench-%u.service", static_cast<unsigned>(i % 1000));
  napi_set_named_property(env, out, "kind", text(env, "unit_changed"));
  napi_set_named_property(env, out, "realtimeNs", time);
  napi_set_named_property(env, out, "boottimeNs", time);
  napi_set_named_property(env, out, "unit", text(env, unit));
  napi_set_named_property(env, state, "activeState", text(env, "active"));
  napi_set_named_property(env, state, "subState", text(env, "running"));
  napi_set_named_property(env, state, "result", text(env, "success"));
  napi_set_named_property(env, state, "invocationId", text(env, "e13c532164754957bec7da446026481f"));
  napi_set_named_property(env, state, "conditionResult", boolean(env, true));
  napi_set_named_property(env, state, "assertResult", boolean(env, true));
  for (const char* name : kNumbers) napi_set_named_property(env, state, name, number(env, static_cast<double>(i)));
  napi_set_named_property(env, out, "state", state);
  return out;
}

void on_main(napi_env env, napi_value callback, void*, void* i) {
  if (env == nullptr) return;
  napi_handle_scope scope;
  napi_open_handle_scope(env, &scope);
  napi_value receiver, argument = record(env, reinterpret_cast<std::uintptr_t>(i));
  napi_get_undefined(env, &receiver);
  napi_call_function(env, receiver, callback, 1, &argument, nullptr);
  napi_close_handle_scope(env, scope);
}

void* produce(void* data) {
  auto* const job = static_cast<Job*>(data);
  for (std::uint64_t i = 0; i < job->count; i++) {
    napi_call_threadsafe_function(job->call, reinterpret_cast<void*>(static_cast<std::uintptr_t>(i)), napi_tsfn_blocking);
  }
  napi_release_threadsafe_function(job->call, napi_tsfn_release);
  delete job;
  return nullptr;
}

napi_value one_call_per_event(napi_env env, napi_callback_info info) {
  std::size_t count = 2;
  napi_value argv[2];
  napi_get_cb_info(env, info, &count, argv, nullptr, nullptr);
  double events;
  napi_get_value_double(env, argv[0], &events);
  auto* const job = new Job{nullptr, static_cast<std::uint64_t>(events)};
  napi_create_threadsafe_function(env, argv[1], nullptr, text(env, "bench"), kQueue, 1, nullptr, nullptr, nullptr, on_main, &job->call);
  pthread_t thread;
  pthread_create(&thread, nullptr, produce, job);
  pthread_detach(thread);
  return nullptr;
}

napi_value thread_cpu_ns(napi_env env, napi_callback_info) {
  timespec used;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return number(env, static_cast<double>(used.tv_sec) * 1e9 + static_cast<double>(used.tv_nsec));
}

void define(napi_env env, napi_value exports, const char* name, napi_callback function) {
  napi_value value;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &value);
  napi_set_named_property(env, exports, name, value);
}

}  // namespace

NAPI_MODULE_INIT() {
  define(env, exports, "oneCallPerEvent", one_call_per_event);
  define(env, exports, "threadCpuNs", thread_cpu_ns);
  return exports;
}
