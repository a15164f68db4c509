#pragma once

#include <napi.h>

namespace unitscope {

/// Adds `notify(address: string, state: string): errno: number` to `exports`: sends one datagram to the socket that
/// NOTIFY_SOCKET names (sd_notify(3)), 0 when it was taken. `@name` is an abstract socket. Waits half a second at most.
void init_notify(Napi::Env env, Napi::Object exports);

}  // namespace unitscope
