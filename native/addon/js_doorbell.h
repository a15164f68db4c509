#pragma once

#include <napi.h>

#include <atomic>

#include "runtime/doorbell.h"

namespace unitscope {

/// Rings a JavaScript function on its own thread, once for any number of rings before it runs.
///
/// A thread-safe function with a queue of one and no payload. `rung_` goes 0 to 1 in ring() and back to 0 just before
/// the function runs, so a ring during its run calls it again: no record is left without a call after it.
/// It keeps the event loop alive until release().
class JsDoorbell final : public Doorbell {
 public:
  /// On the environment's thread. The object deletes itself some time after release(), on that thread.
  [[nodiscard]] static JsDoorbell* make(Napi::Env env, const Napi::Function& callback);

  /// Any thread, until release().
  void ring() noexcept override;
  /// Lets the process end although nobody closed: for a connection that is over. Environment's thread.
  void unref(Napi::Env env) noexcept { napi_unref_threadsafe_function(env, function_); }
  /// No ring may be under way or follow; the object is not the caller's any more.
  void release() noexcept { napi_release_threadsafe_function(function_, napi_tsfn_release); }

 private:
  JsDoorbell() = default;
  ~JsDoorbell() = default;
  static void call(napi_env env, napi_value callback, void* self, void* data);
  static void finalize(napi_env env, void* self, void* hint);

  napi_threadsafe_function function_ = nullptr;
  std::atomic<bool> rung_{false};
};

}  // namespace unitscope
