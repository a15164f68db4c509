#include "core/batch/symbol_table.h"

namespace unitscope {

SymbolTable::SymbolTable() {
  (void)intern("");
  (void)intern("unknown");
}

Symbol SymbolTable::intern(std::string_view text, Symbol hint) {
  const std::size_t count = count_.load(std::memory_order_relaxed);
  if (hint < count && texts_[hint] == text) return hint;
  if (const auto known = ids_.find(text); known != ids_.end()) return known->second;
  if (count == kMaxSymbols || text.size() > kMaxSymbolBytes) {
    overflowed_.add();
    return kUnknown;
  }
  const auto id = static_cast<Symbol>(count);
  texts_[id] = text;
  ids_.emplace(text, id);
  count_.store(count + 1, std::memory_order_release);
  return id;
}

}  // namespace unitscope
