/**
 * Where each field of a record stands; the picture and the reasons are in native/core/batch/layout.h, which holds the
 * same numbers. test/golden/batch/records.bin is read by tests of both languages, so that they cannot drift apart.
 * All integers are little-endian.
 */

/** Record kinds by number; the index is the number on the wire. */
export const recordKinds = [
  undefined,
  'unit_changed',
  'unit_new',
  'unit_removed',
  'job_new',
  'job_removed',
  'reloading',
  'owner_changed',
  'unit_files_changed',
  'lost',
  'connected',
  'disconnected',
] as const

/** Offsets from the start of a record. */
export const header = {
  size: 0,
  kind: 4,
  flags: 5,
  textBytes: 6,
  sequence: 8,
  realtimeNs: 16,
  boottimeNs: 24,
  value: 32,
  symbol: 36,
  /** Of the entry in the table of last states, from 1 up; 0 when the unit has none. */
  unitId: 40,
  /** With `unitId` it stands for one name: the same pair, the same name. */
  generation: 44,
} as const
export const headerBytes = 48

/** Ids of symbols that mean no text of systemd's: it was not sent, and the table had no place for it. */
export const symbolNone = 0
export const symbolUnknown = 1

/** Offsets from the end of the header, of a unit_changed record; the n-th of them has bit n in `known`. */
export const state = {
  activeState: 0,
  subState: 2,
  result: 4,
  conditionResult: 6,
  assertResult: 7,
  jobId: 8,
  mainPid: 12,
  controlPid: 16,
  nRestarts: 20,
  execMainPid: 24,
  execMainCode: 28,
  execMainStatus: 32,
  invocationId: 40,
  stateChangeUsec: 56,
  inactiveExitUsec: 64,
  activeEnterUsec: 72,
  activeExitUsec: 80,
  inactiveEnterUsec: 88,
  execMainStartUsec: 96,
  execMainExitUsec: 104,
  lastTriggerUsec: 112,
  conditionUsec: 120,
} as const
/** Bits of the fields that systemd has sent: another's 0 says nothing. */
export const stateKnown = 36
export const stateBytes = 128
export const invocationIdBytes = 16

/** The largest record: a drain buffer must hold at least one. */
export const maxRecordBytes = headerBytes + stateBytes + 512
