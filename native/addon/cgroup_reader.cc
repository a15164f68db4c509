#include "addon/cgroup_reader.h"

#include <algorithm>
#include <array>
#include <string>

#include "core/cgroup/printable_path.h"

namespace unitscope {
namespace {

constexpr std::size_t kHeaderWords = 3;
constexpr std::size_t kRowWords = kHeaderWords + cgroup::kFieldCount;
constexpr std::size_t kDeviceWords = 5;

template <std::size_t N>
Napi::Array names(Napi::Env env, const std::array<std::string_view, N>& list) {
  const Napi::Array out = Napi::Array::New(env, N);
  for (std::size_t i = 0; i < N; i++) out.Set(static_cast<std::uint32_t>(i), std::string(list[i]));
  return out;
}

Napi::Number number(Napi::Env env, std::uint64_t value) { return Napi::Number::New(env, static_cast<double>(value)); }

void put_row(std::uint64_t* row, bool read, const cgroup::Sample& sample, std::size_t first_device) noexcept {
  row[0] = sample.present;
  row[1] = read ? 1 : 0;
  row[2] = first_device;
  std::copy(sample.values.begin(), sample.values.end(), row + kHeaderWords);
}

void put_device(std::uint64_t* words, const cgroup::IoDevice& device) noexcept {
  words[0] = std::uint64_t{device.major} << 32 | device.minor;
  words[1] = device.read_bytes;
  words[2] = device.write_bytes;
  words[3] = device.read_ops;
  words[4] = device.write_ops;
}

}  // namespace

void CgroupReader::init(Napi::Env env, Napi::Object exports) {
  exports.Set("CgroupReader", DefineClass(env, "CgroupReader",
                                          {
                                              InstanceMethod<&CgroupReader::problem>("problem"),
                                              InstanceMethod<&CgroupReader::scan>("scan"),
                                              InstanceMethod<&CgroupReader::read>("read"),
                                              InstanceMethod<&CgroupReader::stats>("stats"),
                                              InstanceMethod<&CgroupReader::close>("close"),
                                          }));
  exports.Set("cgroupFields", names(env, cgroup::kFieldNames));
  exports.Set("cgroupGroups", names(env, cgroup::kGroupNames));
}

CgroupReader::CgroupReader(const Napi::CallbackInfo& info)
    : ObjectWrap(info), groups_(info[4].As<Napi::Number>()) {
  auto tree = cgroup::CgroupTree::open({
      .root = info[0].As<Napi::String>(),
      .any_filesystem = info[1].As<Napi::Boolean>(),
      .max_cgroups = info[2].As<Napi::Number>().Uint32Value(),
      .max_depth = info[3].As<Napi::Number>().Uint32Value(),
  });
  if (!tree) {
    problem_ = tree.error().error == 0 ? -1 : tree.error().error;
    return;
  }
  tree_.emplace(std::move(tree).value());
  files_.emplace();
}

Napi::Value CgroupReader::problem(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), problem_); }

Napi::Value CgroupReader::scan(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (tree_) tree_->scan();
  const std::span<cgroup::Node> nodes = tree_ ? tree_->nodes() : std::span<cgroup::Node>{};

  std::string paths, invocations;
  auto ids = Napi::TypedArrayOf<std::uint64_t>::New(env, nodes.size(), napi_biguint64_array);
  if (ids.IsEmpty()) return {};
  for (std::size_t i = 0; i < nodes.size(); i++) {
    const cgroup::Node& node = nodes[i];
    if (i > 0) paths += '\0';
    paths += '/';
    cgroup::append_printable(paths, node.path);
    ids.Data()[i] = node.id;
    if (node.invocation[0] == '\0') invocations.append(node.invocation.size(), ' ');
    else invocations.append(node.invocation.data(), node.invocation.size());
  }
  const Napi::Object result = Napi::Object::New(env);
  result.Set("paths", Napi::String::New(env, paths));
  result.Set("ids", ids);
  result.Set("invocations", Napi::String::New(env, invocations));
  return result;
}

Napi::Value CgroupReader::read(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto indices = info[0].As<Napi::Uint32Array>();
  const std::size_t count = indices.ElementLength();
  auto rows = Napi::TypedArrayOf<std::uint64_t>::New(env, count * kRowWords, napi_biguint64_array);
  if (rows.IsEmpty()) return {};
  devices_.clear();
  for (std::size_t i = 0; i < count; i++) {
    const std::size_t index = indices.Data()[i];
    const std::size_t first_device = devices_.size();
    cgroup::Sample sample;
    const bool known = tree_ && index < tree_->nodes().size();
    const bool read = known && files_->read(*tree_, tree_->nodes()[index], groups_, sample, devices_);
    put_row(rows.Data() + i * kRowWords, read, sample, first_device);
  }
  auto devices =
      Napi::TypedArrayOf<std::uint64_t>::New(env, devices_.size() * kDeviceWords, napi_biguint64_array);
  if (devices.IsEmpty()) return {};
  for (std::size_t i = 0; i < devices_.size(); i++) put_device(devices.Data() + i * kDeviceWords, devices_[i]);
  const Napi::Object result = Napi::Object::New(env);
  result.Set("rows", rows);
  result.Set("devices", devices);
  return result;
}

Napi::Value CgroupReader::stats(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const cgroup::Counters counters = tree_ ? tree_->counters() : cgroup::Counters{};
  const Napi::Object parse_errors = Napi::Object::New(env), io_errors = Napi::Object::New(env);
  for (std::size_t i = 0; i < cgroup::kFileCount; i++) {
    if (counters.parse_errors[i] > 0) parse_errors.Set(cgroup::kFiles[i].name, number(env, counters.parse_errors[i]));
  }
  for (const auto& [error, count] : counters.io_errors) {
    io_errors.Set(static_cast<std::uint32_t>(error), number(env, count));
  }
  const std::size_t bytes = tree_ ? tree_->bytes() + cgroup::FileReader::bytes() : 0;
  const Napi::Object result = Napi::Object::New(env);
  result.Set("parseErrors", parse_errors);
  result.Set("ioErrors", io_errors);
  result.Set("vanished", number(env, counters.vanished));
  result.Set("cgroups", number(env, tree_ ? tree_->nodes().size() : 0));
  result.Set("skipped", number(env, tree_ ? tree_->skipped() : 0));
  result.Set("openFds", number(env, tree_ ? tree_->budget().used() + 1 : 0));
  result.Set("nativeBytes", number(env, bytes + devices_.capacity() * sizeof(cgroup::IoDevice)));
  return result;
}

Napi::Value CgroupReader::close(const Napi::CallbackInfo& info) {
  tree_.reset();
  files_.reset();
  devices_ = std::vector<cgroup::IoDevice>();
  return info.Env().Undefined();
}

}  // namespace unitscope
