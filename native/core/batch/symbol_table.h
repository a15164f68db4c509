#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/counter.h"
#include "core/base/text_hash.h"
#include "core/batch/layout.h"

namespace unitscope {

/// Gives each distinct state or result text a small id, once.
///
/// One thread interns; any thread reads what is there. Texts are never changed or taken away, so a reader needs no lock:
/// `count_` is stored (release) after the text is in place and loaded (acquire) before it is read.
class SymbolTable {
 public:
  /// systemd 252 has about 120 states and results in all; a peer that invents more gets kUnknown for the rest.
  static constexpr std::size_t kMaxSymbols = 1024;
  static constexpr std::size_t kMaxSymbolBytes = 64;
  /// The empty text: absent.
  static constexpr Symbol kNone = 0;
  /// "unknown": the table is full or the text too long.
  static constexpr Symbol kUnknown = 1;

  SymbolTable();

  /// The id of `text`. `hint` is a likely answer (the unit's last one) and spares the lookup. Interning thread only.
  [[nodiscard]] Symbol intern(std::string_view text, Symbol hint = kNone);

  /// Ids below this are readable. Any thread.
  [[nodiscard]] std::size_t count() const noexcept { return count_.load(std::memory_order_acquire); }
  /// The text of an id below count(). Any thread.
  [[nodiscard]] std::string_view text(Symbol id) const noexcept { return texts_[id]; }
  /// Texts that became kUnknown. Any thread.
  [[nodiscard]] std::uint64_t overflowed() const noexcept { return overflowed_.read(); }

 private:
  std::array<std::string, kMaxSymbols> texts_;
  std::atomic<std::size_t> count_{0};
  TextMap<Symbol> ids_;
  Counter overflowed_;
};

}  // namespace unitscope
