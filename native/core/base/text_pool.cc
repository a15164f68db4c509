#include "core/base/text_pool.h"

#include <bit>
#include <cstring>

namespace unitscope {

std::size_t TextPool::class_of(std::size_t text_bytes) noexcept {
  const std::size_t blocks = (text_bytes + kSmallestBlock - 1) / kSmallestBlock;
  return static_cast<std::size_t>(std::bit_width(blocks - 1));
}

void TextPool::add_chunk(std::size_t size_class) {
  char* const chunk = chunks_.emplace_back(std::make_unique_for_overwrite<char[]>(kChunkBytes)).get();
  const std::size_t block = kSmallestBlock << size_class;
  for (std::size_t at = kChunkBytes; at > 0; at -= block) give_back({chunk + at - block, block});
}

std::string_view TextPool::keep(std::string_view text) {
  const std::size_t size_class = class_of(text.size());
  if (free_[size_class] == nullptr) add_chunk(size_class);
  char* const block = free_[size_class];
  std::memcpy(&free_[size_class], block, sizeof(char*));
  std::memcpy(block, text.data(), text.size());
  return {block, text.size()};
}

void TextPool::give_back(std::string_view kept) noexcept {
  char*& first = free_[class_of(kept.size())];
  char* const block = const_cast<char*>(kept.data());
  std::memcpy(block, &first, sizeof(char*));
  first = block;
}

}  // namespace unitscope
