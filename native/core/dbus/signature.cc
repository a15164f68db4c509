#include "core/dbus/signature.h"

#include <array>

namespace unitscope::dbus {
namespace {

bool is_basic(char c) noexcept { return alignment_of(c) != 0 && c != 'v' && c != 'a' && c != '(' && c != '{'; }

/// One open bracket and what stands in it so far.
struct Open {
  char bracket;
  std::uint8_t types = 0;
  std::uint8_t array_depth;
};

}  // namespace

std::size_t alignment_of(char code) noexcept {
  switch (code) {
    case 'y': case 'g': case 'v': return 1;
    case 'n': case 'q': return 2;
    case 'b': case 'i': case 'u': case 'h': case 's': case 'o': case 'a': return 4;
    case 'x': case 't': case 'd': case '(': case '{': return 8;
    default: return 0;
  }
}

std::size_t fixed_size_of(char code) noexcept {
  switch (code) {
    case 'y': return 1;
    case 'n': case 'q': return 2;
    case 'i': case 'u': case 'h': return 4;
    case 'x': case 't': case 'd': return 8;
    default: return 0;
  }
}

std::optional<Reason> check_signature(std::string_view text) noexcept {
  if (text == "sa{sv}as") return std::nullopt;  // PropertiesChanged, nearly every message's
  if (text.size() > kMaxSignatureBytes) return Reason::kSignatureSize;
  // Dict entries stand in arrays, so brackets nest at most as deep as both limits together.
  std::array<Open, kMaxArrayDepth + kMaxStructDepth + 1> stack;
  std::size_t depth = 0;
  int structs = 0;
  int arrays = 0;       // arrays open at this place, those outside the current bracket included
  bool after_a = false; // an `a` waits for its element
  stack[0] = {.bracket = 0, .array_depth = 0};
  const auto type_done = [&] {
    stack[depth].types++;
    arrays = stack[depth].array_depth;
    after_a = false;
  };
  for (const char c : text) {
    // A dict entry: exactly a basic key and one value.
    if (stack[depth].bracket == '{' && c != '}') {
      if (stack[depth].types == 0 && !is_basic(c)) return Reason::kSignatureDict;
      if (stack[depth].types == 2) return Reason::kSignatureDict;
    }
    switch (c) {
      case 'a':
        if (++arrays > kMaxArrayDepth) return Reason::kSignatureDepth;
        after_a = true;
        break;
      case '(':
      case '{':
        if (c == '{' && !after_a) return Reason::kSignatureDict;
        if (c == '(' && ++structs > kMaxStructDepth) return Reason::kSignatureDepth;
        stack[++depth] = {.bracket = c, .array_depth = static_cast<std::uint8_t>(arrays)};
        after_a = false;
        break;
      case ')':
        if (after_a) return Reason::kSignatureArray;
        if (stack[depth].bracket != '(' || stack[depth].types == 0) return Reason::kSignatureStruct;
        depth--;
        structs--;
        type_done();
        break;
      case '}':
        if (after_a) return Reason::kSignatureArray;
        if (stack[depth].bracket != '{' || stack[depth].types != 2) return Reason::kSignatureDict;
        depth--;
        type_done();
        break;
      default:
        if (alignment_of(c) == 0) return Reason::kSignatureCode;
        type_done();
    }
  }
  if (after_a) return Reason::kSignatureArray;
  if (depth > 0) return stack[depth].bracket == '(' ? Reason::kSignatureStruct : Reason::kSignatureDict;
  return std::nullopt;
}

std::size_t first_type_size(std::string_view valid) noexcept {
  std::size_t at = 0;
  int open = 0;
  for (; at < valid.size(); at++) {
    const char c = valid[at];
    if (c == 'a') continue;
    if (c == '(' || c == '{') open++;
    if (c == ')' || c == '}') open--;
    if (open == 0) return at + 1;
  }
  return at;
}

bool is_single_type(std::string_view valid) noexcept {
  return !valid.empty() && first_type_size(valid) == valid.size();
}

}  // namespace unitscope::dbus
