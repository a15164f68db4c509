#include <napi.h>

#include "addon/cgroup_reader.h"
#include "addon/clock.h"
#include "addon/file_lock.h"
#include "addon/loop_watch.h"
#include "addon/memory.h"
#include "addon/notify.h"
#include "addon/peer_cred.h"
#include "addon/signal_parser.h"
#include "addon/signal_reader.h"

namespace unitscope {
namespace {

/// Called once per environment (the main thread, each worker). Each class or function registers itself in its own file.
/// Nothing is kept here: what an environment owns hangs on its own objects, and two workers know nothing of each other.
Napi::Object init(Napi::Env env, Napi::Object exports) {
  SignalReader::init(env, exports);
  SignalParser::init(env, exports);
  CgroupReader::init(env, exports);
  LoopWatch::init(env, exports);
  init_clock(env, exports);
  init_file_lock(env, exports);
  init_memory(env, exports);
  init_notify(env, exports);
  init_peer_cred(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(unitscope_native, init)

}  // namespace unitscope
