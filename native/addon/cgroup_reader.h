#pragma once

#include <napi.h>

#include <optional>

#include "addon/js_doorbell.h"
#include "runtime/cgroup_sampler.h"

namespace unitscope {

/// JavaScript's `CgroupReader` (src/binding/cgroup-reader.ts is its only caller and its typed surface). Numbers cross in one
/// table of doubles, text as one joined string: no object is made per cgroup on this side.
///
/// Life: as SignalReader's; close() or the environment's teardown joins the thread before anything it uses goes away.
class CgroupReader final : public Napi::ObjectWrap<CgroupReader> {
 public:
  /// Adds the class and its layout (`cgroupFields`, `cgroupGroups`: names by index) to `exports`.
  static void init(Napi::Env env, Napi::Object exports);

  /// new CgroupReader({root, anyFilesystem, maxCgroups, maxDepth, maxOpenFiles, walkIntervalMs, groups: bit mask, kernelLog}).
  explicit CgroupReader(const Napi::CallbackInfo& info);
  ~CgroupReader() override { shut_down(); }

 private:
  /// (): 0 when the root was opened, an errno, or -1 when it is not on a cgroup v2 file system; once started, the errno that
  /// ended the thread.
  Napi::Value problem(const Napi::CallbackInfo& info);
  /// (onDoorbell): false when there is no descriptor or thread left.
  Napi::Value start(const Napi::CallbackInfo& info);
  /// (): has a pass made; the doorbell rings when there is one to take.
  void request(const Napi::CallbackInfo& info);
  /// (into: Float64Array): undefined when there is no pass; the number of doubles it has when they do not fit; else {rows,
  /// devices, entries: numbers of them, as they lie in `into` one table behind the other, paths: string joined by NUL,
  /// invocations: 32 characters each, blank for none, nowMs, rootGone}. native/core/cgroup/pass.h has the words of each.
  Napi::Value take(const Napi::CallbackInfo& info);
  /// (): Float64Array of {id, key, age in ms, errno} for each trigger that fired, or could not be set, since the last call.
  Napi::Value stalls(const Napi::CallbackInfo& info);
  /// (): array of {path, id, invocationId, before, after, peak, limit, ageMs, pid, command, limitedBy}, one for each kill for want of
  /// memory since the last call; undefined for none. Few enough to be objects.
  Napi::Value kills(const Napi::CallbackInfo& info);
  /// (): array of {slice, kills, grouped, complete, suspects: array of {path, id, invocationId, stirred, ageMs}}, one for each time a slice
  /// had counted kills for want of memory that nothing in it had; undefined for none.
  Napi::Value losses(const Napi::CallbackInfo& info);
  /// (keys: Float64Array): these cgroups are not read any more.
  void ignore(const Napi::CallbackInfo& info);
  /// (id, key, file, text): sets a pressure trigger; false when there are too many.
  Napi::Value arm(const Napi::CallbackInfo& info);
  Napi::Value stats(const Napi::CallbackInfo& info);
  /// Ends the thread and closes every descriptor; afterwards nothing is read.
  void close(const Napi::CallbackInfo& info);

  /// Forwards rings once there is a JavaScript function to ring.
  struct Bell final : Doorbell {
    void ring() noexcept override { js->ring(); }
    JsDoorbell* js = nullptr;
  };

  static void on_teardown(void* self);
  /// Joins the thread and lets the doorbell go; safe twice.
  void shut_down();

  napi_env env_;
  int problem_ = 0;
  Bell bell_;
  std::optional<CgroupSampler> sampler_;
};

}  // namespace unitscope
