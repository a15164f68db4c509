#include "addon/clock.h"

#include <cstdint>

#include "os/clock.h"

namespace unitscope {
namespace {

/// Reads the wall clock between two readings of the boot clock and takes the middle of these. A thread may be descheduled
/// between any two readings, so the tightest of five tries wins: one undisturbed try takes about 100 ns.
Napi::Value clock_pair(const Napi::CallbackInfo& info) {
  constexpr int kTries = 5;
  std::uint64_t realtime = 0, boottime = 0, tightest = UINT64_MAX;
  for (int i = 0; i < kTries; i++) {
    const std::uint64_t before = boottime_ns();
    const std::uint64_t wall = realtime_ns();
    const std::uint64_t gap = boottime_ns() - before;
    if (gap >= tightest) continue;
    tightest = gap;
    realtime = wall;
    boottime = before + gap / 2;
  }
  const Napi::Object pair = Napi::Object::New(info.Env());
  pair.Set("realtimeNs", Napi::BigInt::New(info.Env(), realtime));
  pair.Set("boottimeNs", Napi::BigInt::New(info.Env(), boottime));
  return pair;
}

}  // namespace

void init_clock(Napi::Env env, Napi::Object exports) {
  exports.Set("clockPair", Napi::Function::New(env, clock_pair, "clockPair"));
}

}  // namespace unitscope
