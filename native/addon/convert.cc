#include "addon/convert.h"

#include "core/dbus/message_writer.h"
#include "core/dbus/unit_filter.h"

namespace unitscope {
namespace {

constexpr std::uint64_t kNsPerMs = 1'000'000;

std::string text(const Napi::Value& from) {
  return from.IsEmpty() ? std::string() : from.As<Napi::String>().Utf8Value();
}
std::string text(const Napi::Object& from, const char* key) { return text(from.Get(key)); }

std::vector<std::string> texts(const Napi::Object& from, const char* key) {
  const Napi::Value value = from.Get(key);
  std::vector<std::string> out;
  if (value.IsEmpty()) return out;
  const auto list = value.As<Napi::Array>();
  for (std::uint32_t i = 0, count = list.Length(); i < count; i++) out.push_back(text(list.Get(i)));
  return out;
}

std::uint32_t number(const Napi::Object& from, const char* key) {
  const Napi::Value value = from.Get(key);
  return value.IsEmpty() ? 0 : value.As<Napi::Number>().Uint32Value();
}

bool flag(const Napi::Object& from, const char* key) {
  const Napi::Value value = from.Get(key);
  return !value.IsEmpty() && value.IsBoolean() && value.As<Napi::Boolean>().Value();
}

Overflow overflow_of(const std::string& name) noexcept {
  if (name == "drop_newest") return Overflow::kDropNewest;
  return name == "block" ? Overflow::kBlock : Overflow::kDropOldest;
}

}  // namespace

FilterOptions filter_options(const Napi::Object& from) {
  FilterOptions out;
  const Napi::Value value = from.Get("filter");
  if (value.IsEmpty()) return out;
  const auto filter = value.As<Napi::Object>();
  out.include = texts(filter, "include");
  out.exclude = texts(filter, "exclude");
  out.unit_types = texts(filter, "unitTypes");
  if (!filter.Get("announcedTypes").IsUndefined()) out.announced_types = texts(filter, "announcedTypes");
  return out;
}

ReaderOptions reader_options(const Napi::Object& from) {
  ReaderOptions out;
  out.filter = filter_options(from);
  out.ring = {.max_records = number(from, "ringRecords"),
              .overflow = overflow_of(text(from, "overflow")),
              .behind_percent = number(from, "backpressurePercent")};
  out.batch = {.max_records = number(from, "maxBatchSize"), .timeout_ns = number(from, "batchTimeoutMs") * kNsPerMs};
  out.address = text(from, "address");
  out.match_rules = texts(from, "matchRules");
  out.direct = flag(from, "direct");
  out.capture_bytes = number(from, "captureBytes");
  return out;
}

Napi::Object limits_object(Napi::Env env) {
  const Napi::Object out = Napi::Object::New(env);
  out.Set("ringRecords", Napi::Number::New(env, Ring::kMaxRecords));
  out.Set("patterns", Napi::Number::New(env, dbus::UnitFilter::kMaxPatterns));
  out.Set("ruleBytes", Napi::Number::New(env, dbus::kMaxRuleBytes));
  return out;
}

std::span<std::uint8_t> bytes_of(const Napi::Value& value) {
  auto array = value.As<Napi::Uint8Array>();
  return std::span(array.Data(), array.ByteLength());
}

Napi::Array symbols_from(Napi::Env env, const SymbolTable& symbols, std::uint32_t from) {
  const auto count = static_cast<std::uint32_t>(symbols.count());
  const Napi::Array out = Napi::Array::New(env);
  for (std::uint32_t id = from; id < count; id++) {
    const std::string_view text = symbols.text(static_cast<Symbol>(id));
    out.Set(id - from, Napi::String::New(env, text.data(), text.size()));
  }
  return out;
}

Napi::Object stats_object(Napi::Env env, const dbus::SourceCounters& counters, const SymbolTable& symbols,
                          const OwnStats& own) {
  const auto count = [&](std::uint64_t value) { return Napi::Number::New(env, static_cast<double>(value)); };
  const Napi::Object rejected = Napi::Object::New(env);
  for (std::size_t i = 0; i < dbus::kReasons; i++) {
    const std::uint64_t times = counters.rejected[i].read();
    if (times > 0) rejected.Set(std::string(name(static_cast<dbus::Reason>(i))), count(times));
  }
  const Napi::Object out = Napi::Object::New(env);
  out.Set("bytes", count(counters.bytes.read()));
  out.Set("messages", count(counters.messages.read()));
  out.Set("matched", count(counters.matched.read()));
  out.Set("filtered", count(counters.filtered.read()));
  out.Set("suppressed", count(counters.suppressed.read()));
  out.Set("records", count(own.records));
  out.Set("dropped", count(own.dropped));
  out.Set("buffered", count(own.buffered));
  out.Set("backpressure", count(own.backpressure));
  out.Set("rejected", rejected);
  out.Set("unknownTexts", count(symbols.overflowed()));
  out.Set("units", count(counters.units.read()));
  out.Set("nativeBytes", count(own.native_bytes + counters.buffered.read() + counters.unit_bytes.read() + sizeof(SymbolTable)));
  return out;
}

}  // namespace unitscope
