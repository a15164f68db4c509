#pragma once

#include <napi.h>

#include "core/batch/record_buffer.h"
#include "core/dbus/signal_stream.h"

namespace unitscope {

/// The JavaScript face of SignalStream, for recordings: `new SignalParser(options)`, used by src/binding/ only.
class SignalParser final : public Napi::ObjectWrap<SignalParser> {
 public:
  explicit SignalParser(const Napi::CallbackInfo& info);

  static void init(Napi::Env env, Napi::Object exports);

 private:
  /// feed(Uint8Array, realtimeNs, boottimeNs)
  void feed(const Napi::CallbackInfo& info);
  Napi::Value drain(const Napi::CallbackInfo& info);
  Napi::Value symbols(const Napi::CallbackInfo& info);
  Napi::Value stats(const Napi::CallbackInfo& info);

  SymbolTable symbols_;
  dbus::SourceCounters counters_;
  dbus::SignalStream stream_;
  RecordBuffer records_;
  bool ended_ = false;
};

}  // namespace unitscope
