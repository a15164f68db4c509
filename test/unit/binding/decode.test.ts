import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { RecordDecoder } from '../../../src/binding/decode.js'
import {
  header,
  headerBytes,
  maxRecordBytes,
  recordKinds,
  state,
  stateKnown,
  symbolNone,
  symbolUnknown,
} from '../../../src/binding/layout.js'
import type { SignalRecord } from '../../../src/data/signal-record.js'

// Written by test/native/core/batch/golden_test.cc, so the two languages cannot drift apart.
const golden = readFileSync(new URL('../../golden/batch/records.bin', import.meta.url))
const symbols = ['', 'unknown', 'failed', 'auto-restart', 'exit-code']
const symbol = (id: number): string => symbols[id] ?? `no symbol ${id}`

/** All records in `bytes`. */
function decodeRecords(bytes: Buffer): SignalRecord[] {
  const decoder = new RecordDecoder(bytes, symbol)
  decoder.load(bytes.length)
  const records: SignalRecord[] = []
  for (let record = decoder.next(); record !== undefined; record = decoder.next()) records.push(record)
  return records
}

const at = { realtimeNs: 1_700_000_000_123_456_789n, boottimeNs: 42n }

const nothing = {
  activeState: '',
  subState: '',
  result: '',
  jobId: 0,
  mainPid: 0,
  controlPid: 0,
  nRestarts: 0,
  execMainPid: 0,
  execMainCode: 0,
  execMainStatus: 0,
  invocationId: '',
  conditionResult: false,
  assertResult: false,
  stateChangeUsec: 0,
  inactiveExitUsec: 0,
  activeEnterUsec: 0,
  activeExitUsec: 0,
  inactiveEnterUsec: 0,
  execMainStartUsec: 0,
  execMainExitUsec: 0,
  lastTriggerUsec: 0,
  conditionUsec: 0,
}

test('what C++ wrote is what TypeScript reads, field by field', () => {
  expect(decodeRecords(golden)).toEqual([
    { kind: 'connected', ...at },
    {
      kind: 'unit_changed',
      ...at,
      unit: 'a@b.service',
      state: {
        activeState: 'failed',
        subState: 'auto-restart',
        result: 'exit-code',
        jobId: 5,
        mainPid: 6,
        controlPid: 7,
        nRestarts: 8,
        execMainPid: 9,
        execMainCode: -10,
        execMainStatus: -11,
        invocationId: '01112131415161718191a1b1c1d1e1f1',
        conditionResult: true,
        assertResult: false,
        stateChangeUsec: 2 ** 32 + 12,
        inactiveExitUsec: 13,
        activeEnterUsec: 14,
        activeExitUsec: 15,
        inactiveEnterUsec: 16,
        execMainStartUsec: 17,
        execMainExitUsec: 18,
        lastTriggerUsec: 2 ** 52,
        conditionUsec: 19,
      },
    },
    { kind: 'unit_changed', ...at, unit: '-.slice', state: nothing },
    { kind: 'unit_new', ...at, unit: 'x.service' },
    { kind: 'unit_removed', ...at, unit: 'dev-sda\\x2d1.swap' },
    { kind: 'job_new', ...at, unit: 'x.service', jobId: 4_000_000_000 },
    { kind: 'job_removed', ...at, unit: 'x.service', jobId: 7, result: 'exit-code' },
    { kind: 'reloading', ...at, active: true },
    { kind: 'reloading', ...at, active: false },
    { kind: 'owner_changed', ...at, present: true },
    { kind: 'unit_files_changed', ...at },
    { kind: 'lost', ...at, count: 99 },
    { kind: 'disconnected', ...at, reason: 'the bus closed the connection' },
  ])
})

/** What `read` finds in each record, which begins at `at`. */
function eachRecord<T>(read: (at: number) => T): T[] {
  const out: T[] = []
  for (let at = 0; at < golden.length; at += golden.readUInt32LE(at + header.size)) out.push(read(at))
  return out
}

test('a record says which entry of the native table it is about', () => {
  const refs = eachRecord((at) => [
    golden.readUInt32LE(at + header.unitId),
    golden.readUInt32LE(at + header.generation),
  ])
  const none = [0, 0] // of no unit, or of one that no state was told of
  expect(refs).toEqual([none, [1, 1], [70_000, 3_000_000_000], none, [2, 9], none, [3, 1], ...Array(6).fill(none)])
})

test('a name is made a string once for each unit that an entry stands for, and never taken from another', () => {
  const record = golden.subarray(
    golden.readUInt32LE(0),
    golden.readUInt32LE(0) * 1 + golden.readUInt32LE(golden.readUInt32LE(0)),
  )
  const name = Buffer.from('a@b.service')
  const nameAt = record.indexOf(name)
  /** The record of entry 1 with another generation and another name of the same length. */
  const of = (generation: number, text: string): Buffer => {
    const copy = Buffer.from(record)
    copy.writeUInt32LE(generation, header.generation)
    copy.write(text, nameAt, 'latin1')
    return copy
  }
  const units = (...records: readonly Buffer[]) =>
    decodeRecords(Buffer.concat(records)).map((one) => ('unit' in one ? one.unit : ''))
  // Were the text looked at again, the second would be another name.
  expect(units(of(1, 'a@b.service'), of(1, 'x@y.service'), of(2, 'x@y.service'), of(2, 'a@b.service'))).toEqual([
    'a@b.service',
    'a@b.service',
    'x@y.service',
    'x@y.service',
  ])
})

test('what systemd has not sent is told apart from its zeros', () => {
  const kUnitChanged = recordKinds.indexOf('unit_changed')
  const known = eachRecord((at) =>
    golden[at + header.kind] === kUnitChanged ? golden.readUInt32LE(at + headerBytes + stateKnown) : undefined,
  )
  const all = 2 ** Object.keys(state).length - 1
  expect(known.filter((bits) => bits !== undefined)).toEqual([all, 0])
  expect([symbol(symbolNone), symbol(symbolUnknown)]).toEqual(['', 'unknown'])
})

test('bytes of another build are refused, not guessed at', () => {
  expect(decodeRecords(Buffer.alloc(0))).toEqual([])
  for (let size = 1; size < headerBytes; size++) {
    expect(() => decodeRecords(golden.subarray(0, size))).toThrow(/no record at byte 0: rebuild the addon/)
  }
  const changed = Buffer.from(golden)
  changed[4] = 200
  expect(() => decodeRecords(changed)).toThrow(/unknown record kind at byte 0: rebuild the addon/)
  expect(golden.length).toBeLessThan(13 * maxRecordBytes)
})
