#include <napi.h>

#include "addon/addon_data.h"
#if __has_include("addon/cgroup_reader.h")
#include "addon/cgroup_reader.h"
#endif
#if __has_include("addon/clock.h")
#include "addon/clock.h"
#endif
#if __has_include("addon/notify.h")
#include "addon/notify.h"
#endif
#if __has_include("addon/peer_cred.h")
#include "addon/peer_cred.h"
#endif

namespace unitscope {
namespace {

/// Called once per environment. Each class or function registers itself in its own file.
Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new AddonData());
#if __has_include("addon/cgroup_reader.h")
  init_cgroup_reader(env, exports);
#endif
#if __has_include("addon/clock.h")
  init_clock(env, exports);
#endif
#if __has_include("addon/notify.h")
  init_notify(env, exports);
#endif
#if __has_include("addon/peer_cred.h")
  init_peer_cred(env, exports);
#endif
  return exports;
}

}  // namespace

NODE_API_MODULE(unitscope_native, init)

}  // namespace unitscope
