#include "addon/cgroup_reader.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "core/cgroup/printable_path.h"
#include "os/clock.h"

namespace unitscope {
namespace {

using cgroup::Pass;

constexpr std::size_t kStallWords = 4;

template <std::size_t N>
Napi::Array names(Napi::Env env, const std::array<std::string_view, N>& list) {
  const Napi::Array out = Napi::Array::New(env, N);
  for (std::size_t i = 0; i < N; i++) out.Set(static_cast<std::uint32_t>(i), std::string(list[i]));
  return out;
}

template <typename T>
Napi::Number number(Napi::Env env, T value) {
  return Napi::Number::New(env, static_cast<double>(value));
}

Napi::String printable(Napi::Env env, std::string_view bytes) {
  std::string shown;
  cgroup::append_printable(shown, bytes);
  return Napi::String::New(env, shown);
}

std::string_view text_of(const cgroup::InvocationId& id) { return {id.data(), id[0] == '\0' ? 0 : id.size()}; }

/// Of a worker that is being terminated each value may be empty (addon/convert.h): any answer will do.
cgroup::MonitorOptions options_of(const Napi::Object& from) {
  const auto number_of = [&](const char* key) {
    const Napi::Value value = from.Get(key);
    return value.IsEmpty() ? 0.0 : value.As<Napi::Number>().DoubleValue();
  };
  const Napi::Value root = from.Get("root"), any = from.Get("anyFilesystem");
  return {
      .tree = {.root = root.IsEmpty() ? std::string() : root.As<Napi::String>().Utf8Value(),
               .any_filesystem = !any.IsEmpty() && any.As<Napi::Boolean>().Value(),
               .max_cgroups = static_cast<std::size_t>(number_of("maxCgroups")),
               .max_depth = static_cast<std::size_t>(number_of("maxDepth")),
               .max_open_files = static_cast<std::size_t>(number_of("maxOpenFiles"))},
      .groups = static_cast<cgroup::GroupMask>(number_of("groups")),
      .walk_interval_ns = static_cast<std::uint64_t>(number_of("walkIntervalMs")) * 1'000'000,
  };
}

}  // namespace

void CgroupReader::init(Napi::Env env, Napi::Object exports) {
  exports.Set("CgroupReader", DefineClass(env, "CgroupReader",
                                          {
                                              InstanceMethod("problem", &CgroupReader::problem),
                                              InstanceMethod("start", &CgroupReader::start),
                                              InstanceMethod("request", &CgroupReader::request),
                                              InstanceMethod("take", &CgroupReader::take),
                                              InstanceMethod("stalls", &CgroupReader::stalls),
                                              InstanceMethod("kills", &CgroupReader::kills),
                                              InstanceMethod("ignore", &CgroupReader::ignore),
                                              InstanceMethod("losses", &CgroupReader::losses),
                                              InstanceMethod("arm", &CgroupReader::arm),
                                              InstanceMethod("stats", &CgroupReader::stats),
                                              InstanceMethod("close", &CgroupReader::close),
                                          }));
  exports.Set("cgroupFields", names(env, cgroup::kFieldNames));
  exports.Set("cgroupGroups", names(env, cgroup::kGroupNames));
}

CgroupReader::CgroupReader(const Napi::CallbackInfo& info) : ObjectWrap(info), env_(info.Env()) {
  const Napi::Object options = info[0].As<Napi::Object>();
  const Napi::Value log = options.Get("kernelLog");
  const bool logged = !log.IsEmpty() && log.IsBoolean() && log.As<Napi::Boolean>().Value();
  auto monitor = cgroup::CgroupMonitor::open(options_of(options), logged ? KernelLog::open() : KernelLog());
  if (!monitor) problem_ = monitor.error().error == 0 ? -1 : monitor.error().error;
  else sampler_.emplace(std::move(monitor).value(), bell_);
}

Napi::Value CgroupReader::problem(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), sampler_ ? sampler_->error() : problem_);
}

Napi::Value CgroupReader::start(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!sampler_ || bell_.js != nullptr) return Napi::Boolean::New(env, sampler_.has_value());
  bell_.js = JsDoorbell::make(env, info[0].As<Napi::Function>());
  if (bell_.js == nullptr) return Napi::Boolean::New(env, false);
  Ref();
  // Added after the thread-safe function's own hook, so it runs before it: the thread ends while it may still ring.
  napi_add_env_cleanup_hook(env_, on_teardown, this);
  const bool started = sampler_->start();
  if (!started) shut_down();
  return Napi::Boolean::New(env, started);
}

void CgroupReader::on_teardown(void* self) { static_cast<CgroupReader*>(self)->shut_down(); }

void CgroupReader::shut_down() {
  sampler_.reset();
  JsDoorbell* const js = std::exchange(bell_.js, nullptr);
  if (js == nullptr) return;
  napi_remove_env_cleanup_hook(env_, on_teardown, this);
  js->release();
  Unref();
}

void CgroupReader::request(const Napi::CallbackInfo&) {
  if (sampler_) sampler_->request();
}

Napi::Value CgroupReader::take(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Pass* const pass = sampler_ ? sampler_->peek() : nullptr;
  if (pass == nullptr) return env.Undefined();
  auto into = info[0].As<Napi::Float64Array>();
  if (into.IsEmpty()) return {};
  if (into.ElementLength() < pass->words()) return number(env, pass->words());
  double* out = into.Data();
  out = std::copy(pass->rows.begin(), pass->rows.end(), out);
  out = std::copy(pass->devices.begin(), pass->devices.end(), out);
  std::copy(pass->entries.begin(), pass->entries.end(), out);
  const Napi::Object result = Napi::Object::New(env);
  result.Set("rows", number(env, pass->rows.size() / Pass::kRowWords));
  result.Set("devices", number(env, pass->devices.size() / Pass::kDeviceWords));
  result.Set("entries", number(env, pass->entries.size() / Pass::kEntryWords));
  result.Set("paths", Napi::String::New(env, pass->paths));
  result.Set("invocations", Napi::String::New(env, pass->invocations));
  result.Set("nowMs", number(env, static_cast<double>(monotonic_ns()) / 1e6));
  result.Set("rootGone", Napi::Boolean::New(env, pass->root_gone));
  sampler_->release();
  return result;
}

Napi::Value CgroupReader::stalls(const Napi::CallbackInfo& info) {
  const auto taken = sampler_ ? sampler_->take_stalls() : std::vector<PressureStall>{};
  auto out = Napi::Float64Array::New(info.Env(), taken.size() * kStallWords);
  if (out.IsEmpty()) return {};
  double* word = out.Data();
  const double now_ms = static_cast<double>(monotonic_ns()) / 1e6;
  for (const PressureStall& stall : taken) {
    *word++ = stall.id;
    *word++ = static_cast<double>(stall.key);
    *word++ = now_ms - stall.monotonic_ms;
    *word++ = stall.error;
  }
  return out;
}

Napi::Value CgroupReader::kills(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto taken = sampler_ ? sampler_->take_kills() : std::vector<cgroup::OomKill>{};
  if (taken.empty()) return env.Undefined();
  const Napi::Array out = Napi::Array::New(env, taken.size());
  const double now_ms = static_cast<double>(monotonic_ns()) / 1e6;
  for (std::size_t i = 0; i < taken.size(); i++) {
    const cgroup::OomKill& kill = taken[i];
    const Napi::Object one = Napi::Object::New(env);
    const auto text = [&](const char* name, std::string_view bytes) { one.Set(name, printable(env, bytes)); };
    text("path", "/" + kill.path);
    text("invocationId", text_of(kill.invocation));
    one.Set("id", number(env, kill.id));
    one.Set("before", number(env, kill.before));
    one.Set("after", number(env, kill.after));
    if (kill.peak) one.Set("peak", number(env, *kill.peak));
    if (kill.limit) one.Set("limit", number(env, *kill.limit));
    one.Set("ageMs", number(env, now_ms - static_cast<double>(kill.monotonic_ns) / 1e6));
    if (kill.pid != 0) {
      one.Set("pid", number(env, kill.pid));
      text("command", kill.command);
      text("limitedBy", kill.limited_by);
    }
    out.Set(static_cast<std::uint32_t>(i), one);
  }
  return out;
}

Napi::Value CgroupReader::losses(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto taken = sampler_ ? sampler_->take_losses() : std::vector<cgroup::OomLoss>{};
  if (taken.empty()) return env.Undefined();
  const Napi::Array out = Napi::Array::New(env, taken.size());
  const double now_ms = static_cast<double>(monotonic_ns()) / 1e6;
  for (std::size_t i = 0; i < taken.size(); i++) {
    const cgroup::OomLoss& loss = taken[i];
    const Napi::Object one = Napi::Object::New(env);
    one.Set("slice", printable(env, "/" + loss.slice));
    one.Set("kills", number(env, loss.kills));
    one.Set("grouped", Napi::Boolean::New(env, loss.grouped));
    one.Set("complete", Napi::Boolean::New(env, loss.complete));
    const Napi::Array suspects = Napi::Array::New(env, loss.suspects.size());
    for (std::size_t j = 0; j < loss.suspects.size(); j++) {
      const cgroup::OomLoss::Suspect& suspect = loss.suspects[j];
      const Napi::Object each = Napi::Object::New(env);
      each.Set("path", printable(env, "/" + suspect.path));
      each.Set("id", number(env, suspect.id));
      each.Set("invocationId", printable(env, text_of(suspect.invocation)));
      each.Set("stirred", Napi::Boolean::New(env, suspect.stirred));
      each.Set("ageMs", number(env, now_ms - static_cast<double>(suspect.monotonic_ns) / 1e6));
      suspects.Set(static_cast<std::uint32_t>(j), each);
    }
    one.Set("suspects", suspects);
    out.Set(static_cast<std::uint32_t>(i), one);
  }
  return out;
}

void CgroupReader::ignore(const Napi::CallbackInfo& info) {
  auto keys = info[0].As<Napi::Float64Array>();
  if (!sampler_ || keys.IsEmpty()) return;
  std::vector<std::uint64_t> out(keys.ElementLength());
  std::transform(keys.Data(), keys.Data() + keys.ElementLength(), out.begin(),
                 [](double key) { return static_cast<std::uint64_t>(key); });
  sampler_->ignore(std::move(out));
}

Napi::Value CgroupReader::arm(const Napi::CallbackInfo& info) {
  const bool armed = sampler_ && sampler_->arm({.id = info[0].As<Napi::Number>().Uint32Value(),
                                                .key = static_cast<std::uint64_t>(info[1].As<Napi::Number>().DoubleValue()),
                                                .file = info[2].As<Napi::String>(),
                                                .text = info[3].As<Napi::String>()});
  return Napi::Boolean::New(info.Env(), armed);
}

Napi::Value CgroupReader::stats(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const CgroupSampler::Stats stats = sampler_ ? sampler_->stats() : CgroupSampler::Stats{};
  const cgroup::Counters& counters = stats.counters;
  const Napi::Object parse_errors = Napi::Object::New(env), io_errors = Napi::Object::New(env);
  for (std::size_t i = 0; i < cgroup::kFileCount; i++) {
    if (counters.parse_errors[i] > 0) parse_errors.Set(cgroup::kFiles[i].name, number(env, counters.parse_errors[i]));
  }
  for (const auto& [error, count] : counters.io_errors) {
    io_errors.Set(static_cast<std::uint32_t>(error), number(env, count));
  }
  const Napi::Object result = Napi::Object::New(env);
  result.Set("parseErrors", parse_errors);
  result.Set("ioErrors", io_errors);
  const std::pair<const char*, std::uint64_t> numbers[] = {
      {"vanished", counters.vanished},    {"walks", counters.walks},
      {"missed", counters.missed},        {"overflows", counters.overflows},
      {"endsRead", counters.ends_read},   {"endsUnread", counters.ends_unread},
      {"endsLost", counters.ends_lost},   {"endsBrief", counters.ends_brief},
      {"cgroups", stats.cgroups},
      {"skipped", stats.skipped},         {"openFds", stats.open_fds},
      {"watches", stats.watches},         {"unwatched", stats.unwatched},
      {"nativeBytes", stats.native_bytes}, {"triggers", stats.triggers},
      {"stallsDropped", stats.stalls_dropped}, {"threadCpuNs", stats.cpu_ns},
      {"killsDropped", stats.kills_dropped}, {"logOverruns", stats.log_overruns},
      {"logError", static_cast<std::uint64_t>(stats.log_error)},
  };
  for (const auto& [name, value] : numbers) result.Set(name, number(env, value));
  return result;
}

void CgroupReader::close(const Napi::CallbackInfo&) { shut_down(); }

}  // namespace unitscope
