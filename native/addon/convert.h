#pragma once

#include <napi.h>

#include <cstdint>
#include <span>

#include "core/batch/symbol_table.h"
#include "core/dbus/source_counters.h"
#include "runtime/options.h"

namespace unitscope {

/// JavaScript values to native ones and back. The binding (src/binding/) has checked types and ranges: nothing here
/// does so again, and nothing else calls it.
///
/// In a worker that is being terminated every call into the engine may fail. What it gives is empty then (IsEmpty()), and
/// must not be used: neither its data, nor as an object to ask. The caller's answer goes nowhere, so any will do.

[[nodiscard]] FilterOptions filter_options(const Napi::Object& from);
[[nodiscard]] ReaderOptions reader_options(const Napi::Object& from);

/// `{ringRecords, patterns, ruleBytes}`: the most that this side takes, for the binding to check.
[[nodiscard]] Napi::Object limits_object(Napi::Env env);

/// The bytes of a Uint8Array, valid until control returns to JavaScript.
[[nodiscard]] std::span<std::uint8_t> bytes_of(const Napi::Value& value);

/// Symbol texts from id `from` on, as an array of strings.
[[nodiscard]] Napi::Array symbols_from(Napi::Env env, const SymbolTable& symbols, std::uint32_t from);

/// What only one kind of source knows.
struct OwnStats {
  std::uint64_t records;
  std::uint64_t dropped;
  std::uint64_t buffered;
  std::uint64_t backpressure;
  std::size_t native_bytes;
};
/// The SignalStats of src/binding/signal-source.ts.
[[nodiscard]] Napi::Object stats_object(Napi::Env env, const dbus::SourceCounters& counters, const SymbolTable& symbols,
                                         const OwnStats& own);

}  // namespace unitscope
