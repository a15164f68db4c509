#pragma once

#include <string>
#include <string_view>

namespace unitscope::cgroup {

/// Appends `path` to `out` as valid UTF-8 without control characters: what is neither is written as `\xNN`, the way
/// systemd escapes unit names. Names systemd makes (ASCII, their own `\x2d` included) come out unchanged.
/// Only for showing and comparing: the original bytes are what openat(2) gets.
void append_printable(std::string& out, std::string_view path);

}  // namespace unitscope::cgroup
