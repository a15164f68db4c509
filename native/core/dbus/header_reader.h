#pragma once

#include <array>

#include "core/dbus/known_bytes.h"
#include "core/dbus/message.h"

namespace unitscope::dbus {

/// Reads headers as parse_header() does, and remembers those it read: of one member of one sender, headers differ in the path
/// alone. So the path is checked, and what stands behind it compared. One thread.
class HeaderReader {
 public:
  /// \param bytes  exactly frame.message_bytes
  /// Views of the answer are into `bytes` and into the reader; they hold until the next call.
  [[nodiscard]] Result<Message, Rejection> read(const Frame& frame, Bytes bytes) noexcept;

 private:
  /// Interface, member, signature and sender of PropertiesChanged have 96.
  static constexpr std::size_t kMaxBytes = 256;
  /// systemd's signals are six, one of them nearly all that comes.
  static constexpr std::size_t kSlots = 8;

  /// A header whose first field is the path.
  struct Known {
    /// From the field behind the path on, with the padding at the header's end. Begins at a multiple of 8.
    KnownBytes<kMaxBytes> rest;
    /// Without that padding.
    std::size_t field_bytes = 0;
    std::uint8_t type = 0;
    /// Without path and bytes; its views are into `rest`.
    Message message;
  };

  /// Where the field behind the path begins, 0 when the path is not the first or not valid.
  static std::size_t read_path(const Frame& frame, Bytes bytes, std::string_view& path) noexcept;
  static void remember(Known& known, const Message& message, std::size_t rest_at) noexcept;

  std::array<Known, kSlots> known_;
};

}  // namespace unitscope::dbus
