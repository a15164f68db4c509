#include "core/batch/symbol_table.h"

#include <string>

#include "harness.h"

namespace unitscope {
namespace {

const test::Test kSame{"symbols: a text has one id, with whatever hint", [] {
  SymbolTable table;
  test::equal(table.text(SymbolTable::kNone), "");
  test::equal(table.text(SymbolTable::kUnknown), "unknown");
  const Symbol running = table.intern("running");
  const Symbol dead = table.intern("dead", running);
  test::equal(table.intern("running", dead), running);
  test::equal(table.intern("running", running), running);
  test::equal(table.intern("running", Symbol{999}), running, "a hint beyond the table");
  test::equal(table.text(dead), "dead");
  test::equal(table.intern(""), SymbolTable::kNone);
  test::equal(table.overflowed(), 0u);
}};

const test::Test kFull{"symbols: a full table and a too long text give unknown, and are counted", [] {
  SymbolTable table;
  for (std::size_t i = table.count(); i < SymbolTable::kMaxSymbols; i++) {
    test::equal(table.intern("s" + std::to_string(i)), static_cast<Symbol>(i));
  }
  test::equal(table.intern("one more"), SymbolTable::kUnknown);
  test::equal(table.intern("s500"), Symbol{500}, "known ones stay");
  test::equal(table.count(), SymbolTable::kMaxSymbols);
  test::equal(table.overflowed(), 1u);

  SymbolTable fresh;
  test::equal(fresh.intern(std::string(SymbolTable::kMaxSymbolBytes, 'x')), Symbol{2});
  test::equal(fresh.intern(std::string(SymbolTable::kMaxSymbolBytes + 1, 'x')), SymbolTable::kUnknown);
  test::equal(fresh.overflowed(), 1u);
}};

}  // namespace
}  // namespace unitscope
