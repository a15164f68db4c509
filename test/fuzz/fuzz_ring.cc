// The ring and its records, as a list of actions: bytes of two, what to do and how much of it. First three: how large the ring is,
// what it does when full, and how large the consumer's buffer is. For any list: what comes out is what a plain list of records
// would give, in order; what is missing stands at its place with its number; pushed = drained + lost + waiting, always.
#include <deque>
#include <string>
#include <vector>

#include "core/ring/ring.h"
#include "require.h"
#include "support/records.h"
#include "target.h"

namespace {

using namespace unitscope;

/// Of records whose texts are shorter the ring holds as many as it says, whatever the bytes: 256 are there for each.
constexpr std::size_t kShortText = 64;
constexpr const char* kLastText = "over";

class Model {
 public:
  Model(std::size_t max_records, Overflow overflow, std::size_t buffer)
      : max_records_(max_records), overflow_(overflow), ring_({.max_records = max_records, .overflow = overflow}), buffer_(buffer) {}

  void push(std::size_t text_bytes) {
    // Where nobody drains beside it, a push that waits never ends.
    if (overflow_ == Overflow::kBlock && !closed_ && (waiting_.size() == max_records_ || text_bytes > kShortText)) return;
    exact_ = exact_ && text_bytes <= kShortText;
    const std::string text(text_bytes, 'x');
    next_++;
    const auto made = writer_.write(RecordKind::kUnitNew, {.realtime_ns = next_, .boottime_ns = next_}, {.text = text, .value = static_cast<std::uint32_t>(next_)});
    const Pushed became = ring_.push(made);
    const bool fits = waiting_.size() < max_records_;
    if (exact_) require((became == Pushed::kDropped) == (!fits && overflow_ != Overflow::kDropOldest));
    if (became != Pushed::kDropped) waiting_.push_back({next_, text_bytes});
    // The oldest went: at least down to the limit, and further where bytes were short.
    while (waiting_.size() > ring_.queued()) waiting_.pop_front();
    require(waiting_.size() == ring_.queued() && ring_.queued() <= max_records_);
    if (exact_) require(waiting_.size() == max_records_ || ring_.dropped() == lost_before_ || overflow_ != Overflow::kDropOldest);
    lost_before_ = ring_.dropped();
    balance();
  }

  void drain() {
    const std::size_t size = ring_.drain_into(buffer_);
    require(size <= buffer_.size());
    std::size_t seen_bytes = 0;
    for (const auto& seen : test::records_in(Bytes(buffer_).first(size))) {
      seen_bytes += seen.header.size;
      take(seen);
    }
    require(seen_bytes == size);
    require(size > 0 || (waiting_.empty() && !last_));
    require(waiting_.size() == ring_.queued());
    balance();
  }

  void last() {
    last_ = true;
    ring_.push_last(writer_.write(RecordKind::kDisconnected, {}, {.text = kLastText}));
  }
  void close() {
    closed_ = true;
    ring_.close();
  }
  /// All of it comes out.
  void finish() {
    while (!waiting_.empty() || last_ || expected_ != next_ + 1) {
      const auto before = expected_;
      drain();
      require(expected_ > before);
    }
    require(drained_ + lost_ == ring_.pushed() && lost_ == ring_.dropped());
  }

 private:
  struct Waiting {
    std::uint64_t sequence;
    std::size_t text_bytes;
  };

  void take(const test::Seen& seen) {
    if (seen.header.kind == RecordKind::kLost) {
      require(seen.header.value > 0);
      lost_ += seen.header.value;
      expected_ += seen.header.value;
      require(seen.header.sequence == expected_ - 1);
      return;
    }
    require(seen.header.sequence == expected_++);
    drained_++;
    if (seen.header.kind == RecordKind::kDisconnected) {
      require(last_ && waiting_.empty() && seen.text == kLastText);
      last_ = false;
      next_++;
      return;
    }
    require(!waiting_.empty() && seen.header.sequence == waiting_.front().sequence);
    require(seen.text == std::string(waiting_.front().text_bytes, 'x') && seen.header.realtime_ns == seen.header.sequence);
    waiting_.pop_front();
  }
  void balance() const {
    require(ring_.pushed() == next_ && ring_.dropped() + drained_ + waiting_.size() == next_);
  }

  const std::size_t max_records_;
  const Overflow overflow_;
  Ring ring_;
  RecordWriter writer_;
  std::vector<std::uint8_t> buffer_;
  std::deque<Waiting> waiting_;
  std::uint64_t next_ = 0, expected_ = 1, drained_ = 0, lost_ = 0, lost_before_ = 0;
  bool exact_ = true, last_ = false, closed_ = false;
};

void run(Bytes input) {
  if (input.size() < 3) return;
  Model model(1 + input[0] % 48, static_cast<Overflow>(input[1] % 3), kMaxRecordBytes + std::size_t{8} * input[2]);
  for (input = input.subspan(3); input.size() >= 2; input = input.subspan(2)) {
    const auto [action, amount] = std::pair{input[0], input[1]};
    switch (action % 8) {
      case 0: model.drain(); break;
      case 1: model.push(std::size_t{2} * amount); break;  // up to kMaxTextBytes, nearly
      case 2: action == 2 ? model.close() : model.drain(); break;
      case 3: action == 3 ? model.last() : model.drain(); break;
      default:
        for (int i = amount % 32; i >= 0; i--) model.push((amount + static_cast<std::size_t>(i)) % kShortText);
    }
  }
  model.finish();
}

const fuzz::Register kTarget{{"ring", run}};

}  // namespace
