#pragma once

#include <cstddef>
#include <string_view>

namespace unitscope::test {

/// The grammar of signatures as the specification gives it, by recursion and without limits: how many bytes the complete
/// type at the front of `text` takes, 0 when there is none.
inline std::size_t oracle_type_size(std::string_view text) {
  constexpr std::string_view kBasic = "ybnqiuxtdhsog";
  if (text.empty()) return 0;
  if (text[0] == 'v' || kBasic.find(text[0]) != kBasic.npos) return 1;
  if (text[0] == 'a') {
    if (text.size() > 1 && text[1] == '{') {
      if (text.size() < 3 || kBasic.find(text[2]) == kBasic.npos) return 0;
      const std::size_t value = oracle_type_size(text.substr(3));
      return value > 0 && text.size() > 3 + value && text[3 + value] == '}' ? 4 + value : 0;
    }
    const std::size_t element = oracle_type_size(text.substr(1));
    return element > 0 ? 1 + element : 0;
  }
  if (text[0] != '(') return 0;
  std::size_t at = 1;
  while (const std::size_t inner = oracle_type_size(text.substr(at))) at += inner;
  return at > 1 && at < text.size() && text[at] == ')' ? at + 1 : 0;
}

/// A sequence of complete types, nothing behind them.
inline bool oracle_is_signature(std::string_view text) {
  while (const std::size_t size = oracle_type_size(text)) text.remove_prefix(size);
  return text.empty();
}

}  // namespace unitscope::test
