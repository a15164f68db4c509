#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/cgroup/io_stat.h"
#include "core/cgroup/sample.h"

namespace unitscope::cgroup {

/// What one row tells of its cgroup.
enum class RowState : std::uint8_t {
  kAlive,  ///< read now
  kEnded,  ///< gone; read for the last time when its last process had left, or not at all (every field is absent)
};

/// One reading of all cgroups as it crosses to JavaScript: tables of doubles, and the names of what is new. A double is
/// exact to 2^53 and to 16 digits beyond; absent is NaN. src/binding/cgroup-layout.ts holds the same layout.
struct Pass {
  /// key, id (inode), time it was made (NaN when unknown).
  static constexpr std::size_t kEntryWords = 3;
  /// key, state, time of the reading, index of its first device; then a word per Field.
  static constexpr std::size_t kRowHeader = 4;
  static constexpr std::size_t kRowWords = kRowHeader + kFieldCount;
  /// major, minor, bytes read, bytes written, reads, writes.
  static constexpr std::size_t kDeviceWords = 6;
  static constexpr std::size_t kInvocationBytes = 32;

  std::vector<double> entries;
  std::vector<double> rows;
  std::vector<double> devices;
  /// A path per entry, each behind a `/`, joined by NUL.
  std::string paths;
  /// An invocation ID per entry, or that many blanks.
  std::string invocations;
  /// The root's path leads elsewhere, or nowhere: nothing was read, and nothing will be.
  bool root_gone = false;

  /// Forgets all but keeps the memory.
  void clear() noexcept;

  /// \param made_ms     monotonic, negative when unknown
  /// \param path        raw bytes below the root
  /// \param invocation  32 digits, or empty
  void add_entry(std::uint64_t key, std::uint64_t id, double made_ms, std::string_view path, std::string_view invocation);

  /// \param read_ms  monotonic
  /// \param io       its devices
  void add_row(std::uint64_t key, RowState state, double read_ms, const Sample& sample, std::span<const IoDevice> io);

  /// Doubles in the three tables together.
  [[nodiscard]] std::size_t words() const noexcept { return entries.size() + rows.size() + devices.size(); }
  [[nodiscard]] std::size_t bytes() const noexcept;
};

}  // namespace unitscope::cgroup
