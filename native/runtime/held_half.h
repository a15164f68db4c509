#pragma once

#include <cstdint>
#include <optional>

namespace unitscope {

/// Tells when the half of a state that the decoder holds has waited too long for its other half.
///
/// To be asked after every read and every wait that ran out: on a bus that never pauses no wait ever does.
class HeldHalf {
 public:
  /// systemd sends the second half within microseconds; one that stays alone is told after this.
  static constexpr std::uint64_t kLongestNs = 1'000'000'000;

  /// \param number  of the half being held, 0 for none; by number, since on a busy bus every read may end with a half,
  ///                each time another one
  /// \return        true when it is overdue, once for each
  [[nodiscard]] bool overdue(std::uint64_t number, std::uint64_t now_ns) noexcept {
    if (number != number_) {
      number_ = number;
      deadline_ = number == 0 ? std::nullopt : std::optional(now_ns + kLongestNs);
    }
    if (!deadline_ || now_ns < *deadline_) return false;
    deadline_.reset();
    return true;
  }

  /// When to ask again at the latest.
  [[nodiscard]] std::optional<std::uint64_t> deadline() const noexcept { return deadline_; }

 private:
  std::uint64_t number_ = 0;
  std::optional<std::uint64_t> deadline_;
};

}  // namespace unitscope
