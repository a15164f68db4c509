#pragma once

#include <napi.h>

#include <memory>
#include <optional>
#include <vector>

#include "os/cgroup_file_reader.h"
#include "os/cgroup_tree.h"

namespace unitscope {

/// JavaScript's `CgroupReader` (src/binding/cgroup-reader.ts is its only caller and its typed surface). Numbers cross in
/// rows of 64-bit words, text as one joined string: no object is made per cgroup on this side. JavaScript thread only.
class CgroupReader : public Napi::ObjectWrap<CgroupReader> {
 public:
  /// Adds the class and its layout (`cgroupFields`, `cgroupGroups`: names by index) to `exports`.
  static void init(Napi::Env env, Napi::Object exports);

  /// new CgroupReader(root: string, anyFilesystem: boolean, maxCgroups: number, maxDepth: number, groups: bit mask).
  explicit CgroupReader(const Napi::CallbackInfo& info);

 private:
  /// (): 0 when the root was opened, an errno, or -1 when it is not on a cgroup v2 file system.
  Napi::Value problem(const Napi::CallbackInfo& info);
  /// (): {paths: string joined by NUL, ids: BigUint64Array, invocations: 32 characters each, blank for none}.
  Napi::Value scan(const Napi::CallbackInfo& info);
  /// (indices: Uint32Array of the last scan): {rows: BigUint64Array, devices: BigUint64Array}. A row is: presence bits,
  /// 1 when the cgroup was read, start of its devices, then a word per field. A device is: major << 32 | minor, bytes read,
  /// bytes written, reads, writes.
  Napi::Value read(const Napi::CallbackInfo& info);
  Napi::Value stats(const Napi::CallbackInfo& info);
  /// Closes every descriptor; afterwards scan() and read() answer with nothing.
  Napi::Value close(const Napi::CallbackInfo& info);

  int problem_ = 0;
  std::optional<cgroup::CgroupTree> tree_;
  std::optional<cgroup::FileReader> files_;
  cgroup::GroupMask groups_ = 0;
  std::vector<cgroup::IoDevice> devices_;
};

}  // namespace unitscope
