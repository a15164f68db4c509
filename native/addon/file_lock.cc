#include "addon/file_lock.h"

#include <sys/file.h>

#include <cerrno>

namespace unitscope {
namespace {

Napi::Value lock_file(const Napi::CallbackInfo& info) {
  const int fd = info[0].As<Napi::Number>().Int32Value();
  return Napi::Number::New(info.Env(), flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno);
}

}  // namespace

void init_file_lock(Napi::Env env, Napi::Object exports) {
  exports.Set("lockFile", Napi::Function::New(env, lock_file, "lockFile"));
}

}  // namespace unitscope
