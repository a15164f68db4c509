#include "core/cgroup/oom_line.h"

#include <algorithm>

#include "core/base/parse_int.h"

namespace unitscope::cgroup {
namespace {

constexpr std::string_view kBegin = "oom-kill:constraint=";

/// The text of a record from the kernel: the facility, which user space cannot set to 0, is what is above three bits of priority.
std::optional<std::string_view> kernel_text(std::string_view record) noexcept {
  const auto facility = parse_int<std::uint32_t>(record.substr(0, record.find(',')));
  const std::size_t text = record.find(';');
  if (!facility || *facility >> 3 != 0 || text == std::string_view::npos) return std::nullopt;
  // What follows the first line is a dictionary of the device.
  const std::string_view rest = record.substr(text + 1);
  return rest.substr(0, rest.find('\n'));
}

/// What stands between `key` and `next`, both of which must be there once.
std::optional<std::string_view> between(std::string_view text, std::string_view key, std::string_view next) noexcept {
  const std::size_t at = text.find(key), end = text.find(next);
  if (at == std::string_view::npos || end == std::string_view::npos) return std::nullopt;
  if (text.rfind(key) != at || text.rfind(next) != end || end < at + key.size()) return std::nullopt;
  return text.substr(at + key.size(), end - at - key.size());
}

/// The log has what is not printable ASCII, and the backslash itself, as `\xNN` (msg_add_ext_text, kernel/printk).
std::string unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const bool escaped = text.size() >= 4 && text.starts_with("\\x");
    const auto byte = escaped ? parse_int<std::uint8_t>(text.substr(2, 2), 16) : std::nullopt;
    out += byte ? static_cast<char>(*byte) : text.front();
    text.remove_prefix(byte ? 4 : 1);
  }
  return out;
}

bool is_path(std::string_view text) noexcept { return text.starts_with('/') && text.size() <= kMaxOomPath; }

}  // namespace

std::optional<OomLine> parse_oom_line(std::string_view record) {
  const auto text = kernel_text(record);
  if (!text || !text->starts_with(kBegin)) return std::nullopt;
  const auto cgroup = between(*text, ",task_memcg=", ",task=");
  const auto command = between(*text, ",task=", ",pid=");
  const auto pid = between(*text, ",pid=", ",uid=");
  if (!cgroup || !command || !pid || !is_path(*cgroup)) return std::nullopt;
  const auto number = parse_int<std::uint32_t>(*pid);
  // The kernel writes it with %d.
  if (!number || pid->starts_with('0')) return std::nullopt;
  OomLine line{.cgroup = unescape(*cgroup), .limited_by = {}, .command = unescape(*command), .pid = *number};
  if (text->find(",global_oom,") == std::string_view::npos) {
    const auto limited_by = between(*text, ",oom_memcg=", ",task_memcg=");
    if (!limited_by || !is_path(*limited_by)) return std::nullopt;
    line.limited_by = unescape(*limited_by);
  }
  return line;
}

}  // namespace unitscope::cgroup
