#include "addon/memory.h"

#include "os/memory.h"

namespace unitscope {

void init_memory(Napi::Env env, Napi::Object exports) {
  const auto release = [](const Napi::CallbackInfo&) { release_free_memory(); };
  exports.Set("releaseFreeMemory", Napi::Function::New(env, release, "releaseFreeMemory"));
}

}  // namespace unitscope
