#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "core/dbus/message.h"

namespace unitscope::dbus {

/// Cuts a byte stream into messages. The same messages come out whatever the chunks were.
///
///     chunk ──> [ rest of a message begun earlier | whole message | whole message | begun ]
///                        joined in `partial_`         handed out where they lie      kept
///
/// `partial_` grows with the bytes that arrive, never with the length a header announces, and holds one message at most.
/// A message larger than kKeptBytes gives its memory back once it has been handed out; one larger than kHeldBytes is never
/// held: its header is handed out alone, and its bytes pass by.
class Framer {
 public:
  /// As large as the receive buffer: in the steady state only a message cut by its end is copied.
  static constexpr std::size_t kKeptBytes = 256u * 1024;

  /// Takes bytes; they must stay as they are until next() has answered nothing.
  void feed(Bytes chunk) noexcept { chunk_ = chunk; }

  /// systemd's longest signals have some ten KiB. Whoever may send us a message may make us hold this much.
  static constexpr std::size_t kHeldBytes = 2u * 1024 * 1024;

  /// The next whole message, valid until the next call; nothing when more bytes are needed.
  /// A rejection is final: the place of the next message is unknown.
  struct Whole {
    Frame frame;
    Bytes bytes;
    [[nodiscard]] bool too_large() const noexcept { return frame.message_bytes > kHeldBytes; }
  };
  [[nodiscard]] Result<std::optional<Whole>, Rejection> next();

  /// Bytes held of a message that has begun.
  [[nodiscard]] std::size_t pending() const noexcept { return partial_.size(); }
  [[nodiscard]] std::size_t capacity() const noexcept { return partial_.capacity(); }

 private:
  /// Moves bytes from the chunk until `partial_` holds `size`; false when the chunk ends first.
  bool gather(std::size_t size);
  void forget_handed_out();
  /// Hands out the header of a message that is not held; `seen` bytes of it have gone by already.
  Whole pass_by(const Frame& frame, std::size_t seen);

  Bytes chunk_;
  std::vector<std::uint8_t> partial_;
  std::size_t passing_ = 0;  // bytes still to come of a message that is not held
  bool handed_out_ = false;  // `partial_` was the last answer
};

}  // namespace unitscope::dbus
