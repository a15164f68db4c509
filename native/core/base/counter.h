#pragma once

#include <atomic>
#include <cstdint>

namespace unitscope {

/// A number one thread adds to and any thread reads. Not an atomic read-modify-write: there is one writer, so a relaxed
/// load and store do, at the price of a plain add.
class Counter {
 public:
  void add(std::uint64_t amount = 1) noexcept { set(read() + amount); }
  void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t read() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace unitscope
