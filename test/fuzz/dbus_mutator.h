#pragma once

#include "target.h"

namespace unitscope::fuzz {

/// Changes one D-Bus message, the first at `data`: one of its header fields or its body as libFuzzer changes bytes, or the order
/// of its fields; then writes it anew with the lengths, padding and NULs that belong to what it holds now. What stands behind the
/// message stays. Nearly every change of plain bytes ends in the header; of these, few do.
///
/// One time in sixteen, and for what has no shape of a message, it changes plain bytes all the same.
std::size_t mutate_message(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed, Mutate any);

}  // namespace unitscope::fuzz
