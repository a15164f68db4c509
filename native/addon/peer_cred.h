#pragma once

#include <napi.h>

namespace unitscope {

/// Adds `peerCredentials(fd: number): {pid, uid, gid} | errno: number` to `exports` (SO_PEERCRED, unix(7)): who was at the
/// other end of a connected unix socket when it connected.
void init_peer_cred(Napi::Env env, Napi::Object exports);

}  // namespace unitscope
