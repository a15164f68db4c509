#pragma once

#include <napi.h>

namespace unitscope {

/// Adds `clockPair(): {realtimeNs: bigint, boottimeNs: bigint}` to `exports`.
void init_clock(Napi::Env env, Napi::Object exports);

}  // namespace unitscope
