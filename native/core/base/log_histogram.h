#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace unitscope {

/// Counts values by size, eight sizes for each power of two: what a percentile says is at most an eighth too large. A kilobyte,
/// and no allocation. One thread.
class LogHistogram {
 public:
  void add(std::uint32_t value) noexcept {
    counts_[index_of(value)]++;
    count_++;
    sum_ += value;
    if (value > max_) max_ = value;
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  /// Exact; 0 when there are none.
  [[nodiscard]] std::uint32_t max() const noexcept { return max_; }
  [[nodiscard]] double mean() const noexcept {
    return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_);
  }

  /// The value that so many of 1000 do not exceed, rounded up; 0 when there are none.
  [[nodiscard]] std::uint32_t per_mille(std::uint32_t share) const noexcept {
    const std::uint64_t wanted = (count_ * share + 999) / 1000;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kSizes; i++) {
      seen += counts_[i];
      if (seen >= wanted && seen > 0) return largest_of(i) < max_ ? largest_of(i) : max_;
    }
    return max_;
  }

  void reset() noexcept { *this = {}; }

 private:
  static constexpr std::size_t kSizes = 240;  // of 32 bits: 0 to 7 by themselves, then 8 for each of 29 powers

  static constexpr std::size_t index_of(std::uint32_t value) noexcept {
    if (value < 8) return value;
    const auto power = static_cast<std::size_t>(std::bit_width(value)) - 1;
    return (power - 2) * 8 + ((value >> (power - 3)) & 7);
  }
  static constexpr std::uint32_t largest_of(std::size_t index) noexcept {
    if (index < 8) return static_cast<std::uint32_t>(index);
    const std::size_t power = index / 8 + 2;
    return static_cast<std::uint32_t>(((std::uint64_t{9} + index % 8) << (power - 3)) - 1);
  }

  std::array<std::uint32_t, kSizes> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint32_t max_ = 0;
};

}  // namespace unitscope
