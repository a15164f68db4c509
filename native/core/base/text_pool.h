#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace unitscope {

/// Keeps short texts, each until it is given back, in blocks of 32, 64, 128 and 256 bytes: what one text leaves the next
/// of about its length takes, so that texts which come and go neither allocate nor scatter. Memory grows to the most that
/// was kept at once and stays. One thread.
class TextPool {
 public:
  static constexpr std::size_t kMaxTextBytes = 256;

  TextPool() = default;
  TextPool(const TextPool&) = delete;
  TextPool& operator=(const TextPool&) = delete;

  /// A copy of `text`, of 1 to kMaxTextBytes, which stays where it is until given back.
  [[nodiscard]] std::string_view keep(std::string_view text);
  /// \param kept  what keep() answered; not to be used any more
  void give_back(std::string_view kept) noexcept;

  /// Allocated.
  [[nodiscard]] std::size_t bytes() const noexcept {
    return chunks_.size() * kChunkBytes + chunks_.capacity() * sizeof(chunks_[0]);
  }

 private:
  static constexpr std::size_t kSmallestBlock = 32;
  static constexpr std::size_t kClasses = 4;
  static constexpr std::size_t kChunkBytes = 4096;

  static std::size_t class_of(std::size_t text_bytes) noexcept;
  void add_chunk(std::size_t size_class);

  /// By class: the first free block, which begins with the address of the next.
  std::array<char*, kClasses> free_{};
  std::vector<std::unique_ptr<char[]>> chunks_;
};

}  // namespace unitscope
