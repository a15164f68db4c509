#pragma once

#include <napi.h>

#include <memory>

#include "addon/js_doorbell.h"
#include "runtime/bus_reader.h"

namespace unitscope {

/// The JavaScript face of BusReader: `new SignalReader(options)`, used by src/binding/ only.
///
/// Life: close(), garbage collection of one that never started, or the environment's teardown (a worker that ends), each
/// of which joins the thread before anything it uses goes away. A started reader is kept from collection.
class SignalReader final : public Napi::ObjectWrap<SignalReader> {
 public:
  explicit SignalReader(const Napi::CallbackInfo& info);
  ~SignalReader() override { shut_down(); }

  static void init(Napi::Env env, Napi::Object exports);

 private:
  /// start(onDoorbell)
  void start(const Napi::CallbackInfo& info);
  /// drain(Uint8Array): bytes written, 0 when there is nothing.
  Napi::Value drain(const Napi::CallbackInfo& info);
  /// symbols(from): string[]
  Napi::Value symbols(const Napi::CallbackInfo& info);
  Napi::Value stats(const Napi::CallbackInfo& info);
  Napi::Value take_capture(const Napi::CallbackInfo& info);
  void forget(const Napi::CallbackInfo& info);
  void unref(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  /// Forwards rings once there is a JavaScript function to ring.
  struct Bell final : Doorbell {
    void ring() noexcept override { js->ring(); }
    JsDoorbell* js = nullptr;
  };

  static void on_teardown(void* self);
  /// Joins the thread and lets the doorbell go; safe twice.
  void shut_down();

  napi_env env_;
  Bell bell_;
  BusReader reader_;
};

}  // namespace unitscope
