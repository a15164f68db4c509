#pragma once

#include <optional>
#include <utility>
#include <variant>

namespace unitscope {

/// What `fail()` makes: converts into any Result of the same error type.
template <typename E>
struct Failure {
  E error;
};

template <typename E>
[[nodiscard]] constexpr Failure<E> fail(E error) noexcept {
  return Failure<E>{std::move(error)};
}

/// A value or the reason there is none. C++20 has no std::expected; this is the part of it we use.
///
/// `E` is a small value (a code, a code with an offset): errors here are input, not surprises, and are counted by code.
/// Reading the side that is not there is a bug of the caller: ask ok() first.
template <typename T, typename E>
class [[nodiscard]] Result {
 public:
  Result(T value) noexcept : side_(std::in_place_index<0>, std::move(value)) {}             // NOLINT: implicit by design
  Result(Failure<E> failure) noexcept : side_(std::in_place_index<1>, std::move(failure.error)) {}  // NOLINT

  [[nodiscard]] bool ok() const noexcept { return side_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  [[nodiscard]] T& value() & noexcept { return *std::get_if<0>(&side_); }
  [[nodiscard]] const T& value() const& noexcept { return *std::get_if<0>(&side_); }
  [[nodiscard]] T&& value() && noexcept { return std::move(*std::get_if<0>(&side_)); }
  [[nodiscard]] const E& error() const noexcept { return *std::get_if<1>(&side_); }

 private:
  std::variant<T, E> side_;
};

/// Success without a value, or a reason.
template <typename E>
class [[nodiscard]] Result<void, E> {
 public:
  Result() noexcept = default;
  Result(Failure<E> failure) noexcept : error_(std::move(failure.error)) {}  // NOLINT: implicit by design

  [[nodiscard]] bool ok() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return ok(); }
  [[nodiscard]] const E& error() const noexcept { return *error_; }

 private:
  std::optional<E> error_;
};

}  // namespace unitscope
