#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace unitscope {

/// The bytes that cross from the reader's thread to JavaScript. src/binding/layout.ts holds the same numbers, and
/// test/golden/batch/records.bin is read by tests of both languages.
///
///      0       4     5      6            8            16            24            32      36      38   40        44
///     +-------+-----+------+------------+------------+-------------+-------------+-------+-------+----+---------+-----------+
///     | size  |kind |flags | text_bytes | sequence   | realtime_ns | boottime_ns | value |symbol | 0  | unit id | generation|
///     +-------+-----+------+------------+------------+-------------+-------------+-------+-------+----+---------+-----------+
///     | UnitState (unit_changed only, kStateBytes)                                                                          |
///     +---------------------------------------------------------------------------------------------------------------------+
///     | text: the unit's name, or the reason of a disconnection; zero bytes up to a multiple of 8                           |
///     +---------------------------------------------------------------------------------------------------------------------+
///
/// Integers are little-endian. `size` is the whole record's. `sequence` counts every record the source made, those
/// lost to a full ring included, so a gap in a batch is exactly what was lost there.
/// States and results are few: they are symbol ids, looked up once each. Names stand inline, so that a lost record takes
/// none with it; the same (unit id, generation) is the same name, so a consumer makes a string of it once.
static_assert(std::endian::native == std::endian::little, "records are written as they lie in memory");

enum class RecordKind : std::uint8_t {
  kUnitChanged = 1,
  kUnitNew = 2,
  kUnitRemoved = 3,
  kJobNew = 4,           // value: job id
  kJobRemoved = 5,       // value: job id, symbol: result
  kReloading = 6,        // value: 1 begins, 0 has ended
  kOwnerChanged = 7,     // value: 1 systemd is on the bus, 0 it is not
  kUnitFilesChanged = 8,
  kLost = 9,             // value: how many records are missing here
  kConnected = 10,
  kDisconnected = 11,    // text: reason
};

/// Flag: hand this record over at once.
inline constexpr std::uint8_t kUrgent = 1;

/// Which entry of the source's table of last states a record is about: `id` from 1 up, as small as possible, `generation`
/// counting the units that had this id one after the other. An id of 0: none. Only a state makes an entry, so records of
/// jobs and of loading say 0 for a unit of which none was told yet.
struct UnitRef {
  std::uint32_t id = 0;
  std::uint32_t generation = 0;
};

struct RecordHeader {
  std::uint32_t size = 0;
  RecordKind kind{};
  std::uint8_t flags = 0;
  std::uint16_t text_bytes = 0;
  std::uint64_t sequence = 0;
  std::uint64_t realtime_ns = 0;
  std::uint64_t boottime_ns = 0;
  std::uint32_t value = 0;
  std::uint16_t symbol = 0;
  std::uint16_t reserved = 0;
  UnitRef unit;
};

/// Id of an interned text; see SymbolTable.
using Symbol = std::uint16_t;

/// All that is tracked of a unit; compared as bytes, so it has no padding.
///
/// "Not set" and "unknown" are two things. `known` has bit n for the n-th of the fields (`known` itself not counted): systemd
/// has sent it. Without its bit a field is 0 and says nothing; with it, 0 is systemd's own 0 (never, no process). A symbol
/// with its bit is never 0 (SymbolTable::kNone) unless systemd sent an empty text, and 1 (kUnknown) when its text had no
/// place in the table.
struct UnitState {
  Symbol active_state = 0;
  Symbol sub_state = 0;
  Symbol result = 0;
  std::uint8_t condition_result = 0;
  std::uint8_t assert_result = 0;
  std::uint32_t job_id = 0;
  std::uint32_t main_pid = 0;
  std::uint32_t control_pid = 0;
  std::uint32_t n_restarts = 0;
  std::uint32_t exec_main_pid = 0;
  std::int32_t exec_main_code = 0;
  std::int32_t exec_main_status = 0;
  std::uint32_t known = 0;
  std::uint8_t invocation_id[16] = {};
  std::uint64_t state_change_usec = 0;
  std::uint64_t inactive_exit_usec = 0;
  std::uint64_t active_enter_usec = 0;
  std::uint64_t active_exit_usec = 0;
  std::uint64_t inactive_enter_usec = 0;
  std::uint64_t exec_main_start_usec = 0;
  std::uint64_t exec_main_exit_usec = 0;
  std::uint64_t last_trigger_usec = 0;
  std::uint64_t condition_usec = 0;
};

inline constexpr std::size_t kHeaderBytes = 48;
inline constexpr std::size_t kStateBytes = 128;
/// A unit's name has at most 255; a reason is cut here.
inline constexpr std::size_t kMaxTextBytes = 512;
inline constexpr std::size_t kMaxRecordBytes = kHeaderBytes + kStateBytes + kMaxTextBytes;

static_assert(sizeof(RecordHeader) == kHeaderBytes && offsetof(RecordHeader, sequence) == 8 && offsetof(RecordHeader, unit) == 40);
static_assert(sizeof(UnitState) == kStateBytes && offsetof(UnitState, known) == 36);
static_assert(std::has_unique_object_representations_v<UnitState>);

/// Sizes of records are multiples of 8, so that every header is aligned in a batch.
[[nodiscard]] constexpr std::size_t padded(std::size_t bytes) noexcept { return (bytes + 7) / 8 * 8; }

}  // namespace unitscope
