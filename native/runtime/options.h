#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/batch/batch_window.h"
#include "core/ring/ring.h"

namespace unitscope {

/// Which signals become records; the lists' lengths were checked by the caller.
struct FilterOptions {
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  std::vector<std::string> unit_types;
  std::vector<std::string> announced_types;
};

/// Ranges were checked by the caller.
struct ReaderOptions {
  FilterOptions filter;
  RingOptions ring;
  BatchLimits batch;
  std::string address;
  std::vector<std::string> match_rules;
  /// The address is systemd's own socket, no bus: nothing is asked of it, and it sends all its signals.
  bool direct = false;
  std::size_t capture_bytes = 0;
};

}  // namespace unitscope
