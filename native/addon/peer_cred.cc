#include "addon/peer_cred.h"

#include <sys/socket.h>

#include <cerrno>

namespace unitscope {
namespace {

Napi::Value peer_credentials(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(info[0].As<Napi::Number>().Int32Value(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return Napi::Number::New(env, errno);
  }
  // A socket that is no unix socket, or not connected, answers without failing: no process, IDs of nobody.
  if (peer.pid == 0 && peer.uid == static_cast<uid_t>(-1)) return Napi::Number::New(env, ENOTCONN);
  const Napi::Object result = Napi::Object::New(env);
  result.Set("pid", Napi::Number::New(env, peer.pid));
  result.Set("uid", Napi::Number::New(env, peer.uid));
  result.Set("gid", Napi::Number::New(env, peer.gid));
  return result;
}

}  // namespace

void init_peer_cred(Napi::Env env, Napi::Object exports) {
  exports.Set("peerCredentials", Napi::Function::New(env, peer_credentials, "peerCredentials"));
}

}  // namespace unitscope
