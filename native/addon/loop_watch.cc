#include "addon/loop_watch.h"

#include <uv.h>

#include <algorithm>
#include <cstdint>

#include "core/base/log_histogram.h"

namespace unitscope {

/// What the loop holds until it has closed the handle: longer than the object that JavaScript has.
struct LoopWatch::Watch {
  uv_prepare_t prepare;
  napi_async_cleanup_hook_handle hook = nullptr;
  LoopWatch* owner = nullptr;
  LogHistogram turns_us;
  std::uint64_t last_ns = 0;
  std::uint64_t last_idle_ns = 0;

  static void on_turn(uv_prepare_t* handle) {
    auto* const self = static_cast<Watch*>(handle->data);
    const std::uint64_t now = uv_hrtime(), idle = uv_metrics_idle_time(handle->loop);
    const std::uint64_t passed = now - self->last_ns, waited = idle - self->last_idle_ns;
    if (self->last_ns != 0) {
      const std::uint64_t us = (passed - std::min(passed, waited)) / 1000;
      self->turns_us.add(static_cast<std::uint32_t>(std::min<std::uint64_t>(us, UINT32_MAX)));
    }
    self->last_ns = now;
    self->last_idle_ns = idle;
  }

  void close() noexcept {
    if (owner != nullptr) owner->watch_ = nullptr;
    owner = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&prepare), [](uv_handle_t* handle) {
      auto* const self = static_cast<Watch*>(handle->data);
      // An environment that goes down waits for this.
      (void)napi_remove_async_cleanup_hook(self->hook);
      delete self;
    });
  }

  static void on_teardown(napi_async_cleanup_hook_handle, void* data) {
    auto* const self = static_cast<Watch*>(data);
    if (self->owner != nullptr) self->close();
  }
};

LoopWatch::LoopWatch(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(info.Env(), &loop) != napi_ok) return;
  auto* const watch = new Watch;
  if (napi_add_async_cleanup_hook(info.Env(), Watch::on_teardown, watch, &watch->hook) != napi_ok) {
    delete watch;
    return;
  }
  watch->owner = this;
  watch_ = watch;
  uv_prepare_init(loop, &watch->prepare);
  watch->prepare.data = watch;
  uv_prepare_start(&watch->prepare, Watch::on_turn);
  uv_unref(reinterpret_cast<uv_handle_t*>(&watch->prepare));
}

void LoopWatch::stop() noexcept {
  if (watch_ != nullptr) watch_->close();
}

void LoopWatch::close(const Napi::CallbackInfo&) { stop(); }

Napi::Value LoopWatch::read(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (watch_ == nullptr || watch_->turns_us.count() == 0) return env.Undefined();
  LogHistogram& turns = watch_->turns_us;
  const Napi::Array told = Napi::Array::New(env, 3);
  told.Set(std::uint32_t{0}, turns.mean() / 1e6);
  told.Set(std::uint32_t{1}, turns.per_mille(990) / 1e6);
  told.Set(std::uint32_t{2}, turns.max() / 1e6);
  turns.reset();
  return told;
}

void LoopWatch::init(Napi::Env env, Napi::Object exports) {
  exports.Set("LoopWatch", DefineClass(env, "LoopWatch",
                                       {
                                           InstanceMethod("read", &LoopWatch::read),
                                           InstanceMethod("close", &LoopWatch::close),
                                       }));
}

}  // namespace unitscope
