#include "core/cgroup/io_stat.h"

#include <array>
#include <optional>

#include "core/base/parse_int.h"

namespace unitscope::cgroup {
namespace {

constexpr std::array<std::string_view, 4> kKeys = {"rbytes", "wbytes", "rios", "wios"};
constexpr unsigned kAllKeys = 0b1111;

/// Reads one line token by token; knows the device the next numbers belong to.
class LineScanner {
 public:
  explicit LineScanner(std::vector<IoDevice>& devices, std::size_t first) noexcept : devices_(devices), first_(first) {}

  Result<void, ScanError> scan(std::string_view line) noexcept {
    owner_ = Owner::kNone;
    while (!line.empty()) {
      const std::string_view token = line.substr(0, line.find(' '));
      line.remove_prefix(token.size() < line.size() ? token.size() + 1 : line.size());
      if (token.empty()) continue;
      const std::size_t equals = token.find('=');
      if (equals == std::string_view::npos) {
        if (auto begun = begin(token); !begun) return begun;
      } else if (auto taken = take(token.substr(0, equals), token.substr(equals + 1)); !taken) {
        return taken;
      }
    }
    return finish();
  }

 private:
  enum class Owner : std::uint8_t { kNone, kDevice, kUnknown };

  Result<void, ScanError> begin(std::string_view name) noexcept {
    if (auto finished = finish(); !finished) return finished;
    seen_ = 0;
    if (name.starts_with('(')) {
      owner_ = Owner::kUnknown;
      return {};
    }
    const std::size_t colon = name.find(':');
    if (colon == std::string_view::npos) return fail(ScanError::kSyntax);
    const auto major = parse_int<std::uint32_t>(name.substr(0, colon));
    const auto minor = parse_int<std::uint32_t>(name.substr(colon + 1));
    if (!major || !minor) return fail(ScanError::kSyntax);
    owner_ = Owner::kDevice;
    device_ = IoDevice{.major = *major, .minor = *minor};
    return {};
  }

  Result<void, ScanError> take(std::string_view key, std::string_view value) noexcept {
    if (owner_ == Owner::kNone) return fail(ScanError::kSyntax);
    if (owner_ == Owner::kUnknown) return {};
    std::uint64_t* const slots[] = {&device_.read_bytes, &device_.write_bytes, &device_.read_ops, &device_.write_ops};
    for (std::size_t i = 0; i < kKeys.size(); i++) {
      if (kKeys[i] != key) continue;
      if ((seen_ >> i & 1u) != 0) return fail(ScanError::kDuplicate);
      const auto number = parse_int<std::uint64_t>(value);
      if (!number) return fail(ScanError::kNumber);
      *slots[i] = *number;
      seen_ |= 1u << i;
    }
    return {};
  }

  /// Keeps the current device when it has its numbers; one that has none of them was only named.
  Result<void, ScanError> finish() noexcept {
    if (owner_ != Owner::kDevice || seen_ == 0) return {};
    if (seen_ != kAllKeys) return fail(ScanError::kSyntax);
    if (devices_.size() - first_ == kMaxIoDevices) return fail(ScanError::kTooMany);
    for (std::size_t i = first_; i < devices_.size(); i++) {
      if (devices_[i].major == device_.major && devices_[i].minor == device_.minor) return fail(ScanError::kDuplicate);
    }
    devices_.push_back(device_);
    return {};
  }

  std::vector<IoDevice>& devices_;
  std::size_t first_;
  Owner owner_ = Owner::kNone;
  IoDevice device_;
  unsigned seen_ = 0;
};

}  // namespace

Result<std::size_t, ScanError> scan_io_stat(std::string_view text, std::vector<IoDevice>& devices) noexcept {
  const std::size_t first = devices.size();
  const auto give_up = [&](ScanError error) {
    devices.resize(first);
    return fail(error);
  };

  LineScanner scanner(devices, first);
  Lines lines(text);
  for (std::string_view line; lines.next(line);) {
    if (auto scanned = scanner.scan(line); !scanned) return give_up(scanned.error());
  }
  if (lines.truncated()) {
    // Only names may stand without a newline: a number there may have lost digits.
    if (lines.rest().find('=') != std::string_view::npos) return give_up(ScanError::kTruncated);
    if (auto scanned = scanner.scan(lines.rest()); !scanned) return give_up(ScanError::kTruncated);
  }
  return devices.size() - first;
}

}  // namespace unitscope::cgroup
