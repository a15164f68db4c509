import { readFileSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { header, recordKinds } from '../../../src/binding/layout.js'
import { createSignalReader, type RawSignals } from '../../../src/binding/signal-reader.js'
import { readerDefaults } from './listener.js'

// How much of a full ring one turn of the event loop takes: decided by a clock, not by the number of records.

const golden = readFileSync(new URL('../../golden/batch/records.bin', import.meta.url))
const kUnitNew = recordKinds.indexOf('unit_new')
let at = 0
while (golden[at + header.kind] !== kUnitNew) at += golden.readUInt32LE(at + header.size)
const unitNew = golden.subarray(at, at + golden.readUInt32LE(at + header.size))

/** A ring of `count` records of unit_new. */
function ringOf(count: number): { readonly raw: RawSignals; ring(): void } {
  let left = count
  let ring = (): void => {}
  class SignalReader {
    start(onDoorbell: () => void): void {
      ring = onDoorbell
    }
    drain(buffer: Buffer): number {
      let size = 0
      for (; left > 0 && size + unitNew.length <= buffer.length; left--) size += unitNew.copy(buffer, size)
      return size
    }
    symbols = (): string[] => []
    stats = (): never => ({}) as never
    takeCapture = (): never => ({}) as never
    forget(): void {}
    unref(): void {}
    close(): void {}
  }
  const limits = { ringRecords: 1_000_000, patterns: 1000, ruleBytes: 1000 }
  const raw = { SignalReader, SignalParser: class {}, signalLimits: limits } as unknown as RawSignals
  return { raw, ring: () => ring() }
}

/** Hands `count` records to a listener that takes `usPerRecord`; what each turn took, in records and milliseconds. */
async function turnsOf(count: number, usPerRecord: number): Promise<{ records: number; ms: number }[]> {
  const { raw, ring } = ringOf(count)
  let nowMs = 0
  const turns: { records: number; ms: number }[] = []
  let turn = { records: 0, ms: 0 }
  const reader = createSignalReader(
    raw,
    { ...readerDefaults, address: 'unix:path=/x' },
    (records) => {
      turn.records += records.length
      turn.ms += (records.length * usPerRecord) / 1000
      nowMs += (records.length * usPerRecord) / 1000
    },
    () => nowMs,
  )
  reader.start()
  ring()
  for (let seen = 0; seen < count; seen += turn.records) {
    turn = { records: 0, ms: 0 }
    await nextTurn()
    turns.push(turn)
  }
  await reader.close()
  return turns
}

test.each([
  { usPerRecord: 2, leastTurns: 20 },
  { usPerRecord: 80, leastTurns: 400 },
  { usPerRecord: 200, leastTurns: 1500 },
])('100,000 records at $usPerRecord us each leave the event loop alone after 20 ms at the latest', async (row) => {
  const turns = await turnsOf(100_000, row.usPerRecord)
  expect(turns.reduce((sum, { records }) => sum + records, 0)).toBe(100_000)
  expect(Math.max(...turns.map(({ ms }) => ms))).toBeLessThan(21)
  expect(turns.length).toBeGreaterThan(row.leastTurns)
})

test('a listener that costs nothing gets all there is in one turn', async () => {
  expect((await turnsOf(10_000, 0)).filter(({ records }) => records > 0)).toHaveLength(1)
})
