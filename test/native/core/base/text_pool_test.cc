#include "core/base/text_pool.h"

#include <string>

#include "harness.h"

namespace unitscope {
namespace {

const test::Test kKeeps{"text pool: a text of any size stays as it is until given back, whatever comes and goes beside it", [] {
  TextPool pool;
  std::vector<std::string_view> kept;
  const auto text = [](std::size_t size) { return std::string(size, static_cast<char>('a' + size % 26)); };
  for (std::size_t size = 1; size <= TextPool::kMaxTextBytes; size++) kept.push_back(pool.keep(text(size)));
  for (std::size_t i = 0; i < kept.size(); i += 2) pool.give_back(kept[i]);
  for (std::size_t i = 0; i < kept.size(); i += 2) kept[i] = pool.keep(text(i + 1));
  for (std::size_t i = 0; i < kept.size(); i++) test::equal(kept[i], text(i + 1));
}};

const test::Test kReuses{"text pool: names that come and go take the places of those before them", [] {
  TextPool pool;
  pool.give_back(pool.keep("run-r0.scope"));
  const std::size_t before = pool.bytes();
  for (int i = 0; i < 100'000; i++) pool.give_back(pool.keep("run-r" + std::to_string(i) + ".scope"));
  test::equal(pool.bytes(), before);
}};

}  // namespace
}  // namespace unitscope
