#include "addon/signal_parser.h"

#include "addon/convert.h"

namespace unitscope {
namespace {

dbus::UnitFilter filter_of(const FilterOptions& options) {
  return {options.include, options.exclude, options.unit_types, options.announced_types};
}

}  // namespace

void SignalParser::init(Napi::Env env, Napi::Object exports) {
  exports.Set("SignalParser", DefineClass(env, "SignalParser",
                                          {
                                              InstanceMethod("feed", &SignalParser::feed),
                                              InstanceMethod("drain", &SignalParser::drain),
                                              InstanceMethod("symbols", &SignalParser::symbols),
                                              InstanceMethod("stats", &SignalParser::stats),
                                          }));
  exports.Set("signalLimits", limits_object(env));
}

SignalParser::SignalParser(const Napi::CallbackInfo& info)
    : ObjectWrap(info), stream_(filter_of(filter_options(info[0].As<Napi::Object>())), symbols_, counters_) {}

void SignalParser::feed(const Napi::CallbackInfo& info) {
  if (ended_) return;
  bool lossless;
  const RecordTimes times{.realtime_ns = info[1].As<Napi::BigInt>().Uint64Value(&lossless),
                          .boottime_ns = info[2].As<Napi::BigInt>().Uint64Value(&lossless)};
  const auto fed = stream_.feed(bytes_of(info[0]), times, records_);
  if (fed) return;
  ended_ = true;
  stream_.decoder().flush(records_);
  RecordWriter writer;
  records_.take(writer.write(RecordKind::kDisconnected, times, {.text = describe(fed.error()), .urgent = true}), true);
}

Napi::Value SignalParser::drain(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(records_.drain_into(bytes_of(info[0]))));
}

Napi::Value SignalParser::symbols(const Napi::CallbackInfo& info) {
  return symbols_from(info.Env(), symbols_, info[0].As<Napi::Number>().Uint32Value());
}

Napi::Value SignalParser::stats(const Napi::CallbackInfo& info) {
  return stats_object(info.Env(), counters_, symbols_,
                      {.records = records_.records(),
                       .dropped = 0,
                       .buffered = 0,
                       .backpressure = 0,
                       .native_bytes = records_.capacity_bytes()});
}

}  // namespace unitscope
