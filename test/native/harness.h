#pragma once

#include <cstdio>
#include <source_location>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

/// A test program in forty lines: a test is a named function, a check says what it compared and where.
namespace unitscope::test {

struct Case {
  std::string_view name;
  void (*body)();
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}
inline int failures = 0;

/// A sanitizer's build: one round there takes up to 40 times as long as in the plain one, which runs the same tests.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

/// Of a property's rounds: all in the plain build, a fourth of them, from the same seed, where a sanitizer watches each.
constexpr int rounds(int all) { return kSanitized ? all / 4 : all; }

/// `const Test kName{"a sentence", [] { equal(1 + 1, 2); }};` at namespace scope.
struct Test {
  Test(std::string_view name, void (*body)()) { cases().push_back({name, body}); }
};

[[gnu::noinline, gnu::cold]] inline void report(const std::string& what, const std::source_location& at) {
  failures++;
  std::fprintf(stderr, "  %s:%u %s\n", at.file_name(), at.line(), what.c_str());
}

inline void check(bool ok, std::string_view what = "is false",
                  const std::source_location& at = std::source_location::current()) {
  if (!ok) report(std::string(what), at);
}

template <typename A, typename B>
void equal(const A& actual, const B& expected, std::string_view context = "",
           const std::source_location& at = std::source_location::current()) {
  if (actual == expected) return;
  std::ostringstream text;
  text << (context.empty() ? "" : std::string(context) + ": ") << "got " << actual << ", expected " << expected;
  report(text.str(), at);
}

}  // namespace unitscope::test
