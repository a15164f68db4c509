#pragma once

#include <napi.h>

namespace unitscope {

/// Adds `releaseFreeMemory(): void` to `exports`.
void init_memory(Napi::Env env, Napi::Object exports);

}  // namespace unitscope
