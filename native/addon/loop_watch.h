#pragma once

#include <napi.h>

namespace unitscope {

/// How long the turns of the environment's event loop take, without waking it: `new LoopWatch()`, used by src/binding/ only.
///
/// libuv calls a prepare handle once in each turn, before it waits for what comes next, and tells how long it waited
/// (uv_metrics_idle_time, which Node has switched on). What is left of the time between two calls is work: timers, I/O and
/// immediates, in which nothing else was looked at.
class LoopWatch final : public Napi::ObjectWrap<LoopWatch> {
 public:
  explicit LoopWatch(const Napi::CallbackInfo& info);
  ~LoopWatch() override { stop(); }

  static void init(Napi::Env env, Napi::Object exports);

 private:
  struct Watch;

  /// read(): [mean, 99th percentile, longest] of the turns since the last call, seconds; undefined without any.
  Napi::Value read(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);
  /// Safe twice.
  void stop() noexcept;

  Watch* watch_ = nullptr;
};

}  // namespace unitscope
