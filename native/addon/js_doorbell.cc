#include "addon/js_doorbell.h"

namespace unitscope {

JsDoorbell* JsDoorbell::make(Napi::Env env, const Napi::Function& callback) {
  auto* const self = new JsDoorbell();
  const napi_value name = Napi::String::New(env, "unitscope doorbell");
  const napi_status status = napi_create_threadsafe_function(env, callback, nullptr, name, 1, 1, self, finalize, self,
                                                             call, &self->function_);
  if (status == napi_ok) return self;
  delete self;
  return nullptr;
}

void JsDoorbell::ring() noexcept {
  // Acquire-release: who finds the flag set knows that the call to come sees all records pushed before.
  if (rung_.exchange(true, std::memory_order_acq_rel)) return;
  // A full queue means that a call is on its way, a closing one that nobody listens any more.
  (void)napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking);
}

void JsDoorbell::call(napi_env env, napi_value callback, void* self, void*) {
  static_cast<JsDoorbell*>(self)->rung_.exchange(false, std::memory_order_acq_rel);
  if (env == nullptr || callback == nullptr) return;  // the environment is going down
  napi_value receiver;
  napi_get_undefined(env, &receiver);
  if (napi_call_function(env, receiver, callback, 0, nullptr, nullptr) != napi_pending_exception) return;
  // Left pending, an addon of Node-API 8 would see its exception swallowed, with a deprecation warning (DEP0168).
  napi_value error;
  napi_get_and_clear_last_exception(env, &error);
  napi_fatal_exception(env, error);
}

void JsDoorbell::finalize(napi_env, void* self, void*) { delete static_cast<JsDoorbell*>(self); }

}  // namespace unitscope
