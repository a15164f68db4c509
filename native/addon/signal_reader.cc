#include "addon/signal_reader.h"

#include <cstring>
#include <utility>

#include "addon/convert.h"

namespace unitscope {

void SignalReader::init(Napi::Env env, Napi::Object exports) {
  exports.Set("SignalReader", DefineClass(env, "SignalReader",
                                          {
                                              InstanceMethod("start", &SignalReader::start),
                                              InstanceMethod("drain", &SignalReader::drain),
                                              InstanceMethod("symbols", &SignalReader::symbols),
                                              InstanceMethod("stats", &SignalReader::stats),
                                              InstanceMethod("takeCapture", &SignalReader::take_capture),
                                              InstanceMethod("forget", &SignalReader::forget),
                                              InstanceMethod("unref", &SignalReader::unref),
                                              InstanceMethod("close", &SignalReader::close),
                                          }));
}

SignalReader::SignalReader(const Napi::CallbackInfo& info)
    : ObjectWrap(info), env_(info.Env()), reader_(reader_options(info[0].As<Napi::Object>()), bell_) {}

void SignalReader::start(const Napi::CallbackInfo& info) {
  if (bell_.js != nullptr) return;
  bell_.js = JsDoorbell::make(info.Env(), info[0].As<Napi::Function>());
  if (bell_.js == nullptr) {
    Napi::Error::New(info.Env(), "cannot create a thread-safe function").ThrowAsJavaScriptException();
    return;
  }
  Ref();
  // Added after the thread-safe function's own hook, so it runs before it: the thread ends while it may still ring.
  napi_add_env_cleanup_hook(env_, on_teardown, this);
  reader_.start();
}

void SignalReader::on_teardown(void* self) { static_cast<SignalReader*>(self)->shut_down(); }

void SignalReader::shut_down() {
  reader_.stop();
  JsDoorbell* const js = std::exchange(bell_.js, nullptr);
  if (js == nullptr) return;
  napi_remove_env_cleanup_hook(env_, on_teardown, this);
  js->release();
  Unref();
}

Napi::Value SignalReader::drain(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(reader_.drain_into(bytes_of(info[0]))));
}

Napi::Value SignalReader::symbols(const Napi::CallbackInfo& info) {
  return symbols_from(info.Env(), reader_.symbols(), info[0].As<Napi::Number>().Uint32Value());
}

Napi::Value SignalReader::stats(const Napi::CallbackInfo& info) {
  const Ring& ring = reader_.ring();
  return stats_object(info.Env(), reader_.counters(), reader_.symbols(),
                      {.records = ring.pushed(),
                       .dropped = ring.dropped(),
                       .buffered = ring.queued(),
                       .backpressure = ring.behinds(),
                       .native_bytes = ring.capacity_bytes() + reader_.capture().held_bytes() + BusReader::kBufferBytes});
}

Napi::Value SignalReader::take_capture(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Capture::Taken taken = reader_.capture().take();
  const Napi::Array chunks = Napi::Array::New(env, taken.chunks.size());
  for (std::uint32_t i = 0; i < taken.chunks.size(); i++) {
    const Capture::Chunk& from = taken.chunks[i];
    auto bytes = Napi::Uint8Array::New(env, from.bytes.size());
    if (bytes.IsEmpty()) return {};
    if (!from.bytes.empty()) std::memcpy(bytes.Data(), from.bytes.data(), from.bytes.size());
    const Napi::Object chunk = Napi::Object::New(env);
    chunk.Set("realtimeNs", Napi::BigInt::New(env, from.times.realtime_ns));
    chunk.Set("boottimeNs", Napi::BigInt::New(env, from.times.boottime_ns));
    chunk.Set("bytes", bytes);
    chunks.Set(i, chunk);
  }
  const Napi::Object out = Napi::Object::New(env);
  out.Set("chunks", chunks);
  out.Set("truncated", Napi::Boolean::New(env, taken.truncated));
  return out;
}

void SignalReader::forget(const Napi::CallbackInfo&) { reader_.forget(); }

void SignalReader::unref(const Napi::CallbackInfo& info) {
  if (bell_.js != nullptr) bell_.js->unref(info.Env());
}

void SignalReader::close(const Napi::CallbackInfo&) { shut_down(); }

}  // namespace unitscope
