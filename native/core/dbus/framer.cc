#include "core/dbus/framer.h"

#include <algorithm>

namespace unitscope::dbus {

bool Framer::gather(std::size_t size) {
  const std::size_t missing = size > partial_.size() ? size - partial_.size() : 0;
  const std::size_t got = std::min(missing, chunk_.size());
  partial_.insert(partial_.end(), chunk_.begin(), chunk_.begin() + static_cast<std::ptrdiff_t>(got));
  chunk_ = chunk_.subspan(got);
  return got == missing;
}

void Framer::forget_handed_out() {
  if (!handed_out_) return;
  handed_out_ = false;
  partial_.clear();
  // Not shrink_to_fit(): in libstdc++ it does nothing when exceptions are off.
  if (partial_.capacity() > kKeptBytes) partial_ = std::vector<std::uint8_t>();
}

Framer::Whole Framer::pass_by(const Frame& frame, std::size_t seen) {
  passing_ = frame.message_bytes - seen;
  partial_.clear();
  return {frame, {}};
}

Result<std::optional<Framer::Whole>, Rejection> Framer::next() {
  forget_handed_out();
  const std::size_t passed = std::min(passing_, chunk_.size());
  chunk_ = chunk_.subspan(passed);
  passing_ -= passed;
  if (partial_.empty()) {
    if (chunk_.size() < kFixedHeaderBytes) {
      (void)gather(chunk_.size());
      return std::optional<Whole>{};
    }
    const auto frame = parse_frame(chunk_);
    if (!frame) return fail(frame.error());
    const std::size_t size = frame.value().message_bytes;
    if (size > kHeldBytes) return std::optional(pass_by(frame.value(), 0));
    if (size > chunk_.size()) {
      (void)gather(chunk_.size());
      return std::optional<Whole>{};
    }
    const Bytes bytes = chunk_.first(size);
    chunk_ = chunk_.subspan(size);
    return std::optional<Whole>{Whole{frame.value(), bytes}};
  }
  if (!gather(kFixedHeaderBytes)) return std::optional<Whole>{};
  const auto frame = parse_frame(partial_);
  if (!frame) return fail(frame.error());
  if (frame.value().message_bytes > kHeldBytes) return std::optional(pass_by(frame.value(), partial_.size()));
  if (!gather(frame.value().message_bytes)) return std::optional<Whole>{};
  handed_out_ = true;
  return std::optional<Whole>{Whole{frame.value(), partial_}};
}

}  // namespace unitscope::dbus
