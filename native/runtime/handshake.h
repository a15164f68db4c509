#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/dbus/signal_stream.h"
#include "os/unix_socket.h"
#include "os/wakeup.h"

namespace unitscope {

/// Each step of connecting (one address, authentication, the answers to the match rules) may take this long. A bus
/// answers in a millisecond; one that is being started by socket activation in tens.
inline constexpr std::uint64_t kStepTimeoutNs = 5'000'000'000;

/// Connects to the first address of the list that accepts, and authenticates as this process's user.
/// The failure is one line for the operator: what was tried, what went wrong, what to do.
struct Connected {
  UniqueFd fd;
  /// Bytes of the message stream that came along with the end of the authentication.
  std::vector<std::uint8_t> early;
};
[[nodiscard]] Result<Connected, std::string> connect_bus(const std::string& address, const Wakeup& stop);

/// Hello and the match rules, and their answers.
class Subscription final : public dbus::ReplySink {
 public:
  /// \param on_complete  called from within the last answer, when every call was taken: the messages behind it in the
  ///                     same read are told already
  Subscription(const std::vector<std::string>& rules, std::function<void()> on_complete)
      : rules_(rules), on_complete_(std::move(on_complete)) {}

  /// All calls in one write: a message each, serials from 1.
  [[nodiscard]] std::vector<std::uint8_t> calls() const;

  void reply(const dbus::Message& message) override;
  [[nodiscard]] bool complete() const noexcept { return answered_ == rules_.size() + 1; }
  /// The first call that was refused, in words.
  [[nodiscard]] const std::optional<std::string>& refused() const noexcept { return refused_; }

 private:
  const std::vector<std::string>& rules_;
  const std::function<void()> on_complete_;
  std::size_t answered_ = 0;
  std::optional<std::string> refused_;
};

/// `text` with control and non-ASCII bytes as `?`, cut at 200: a peer's words in our log.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace unitscope
