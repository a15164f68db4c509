#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/ring/ring.h"

namespace unitscope {

/// What decides which signals become records; ranges were checked by the caller.
struct SignalOptions {
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  std::vector<std::string> unit_types;
  std::size_t ring_records = 10'000;
  Overflow overflow = Overflow::kDropOldest;
  std::uint32_t max_latency_ms = 20;
};

struct ReaderOptions : SignalOptions {
  std::string address;
  std::vector<std::string> match_rules;
  std::size_t capture_bytes = 0;
};

}  // namespace unitscope
