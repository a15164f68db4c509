#pragma once

#include <napi.h>

namespace unitscope {

/// Adds `lockFile(fd: number): errno: number` to `exports` (flock(2), exclusive, without waiting): 0 when it is locked, which
/// ends when the last descriptor of this opening is closed, by the kernel if need be; EWOULDBLOCK when another has it.
void init_file_lock(Napi::Env env, Napi::Object exports);

}  // namespace unitscope
