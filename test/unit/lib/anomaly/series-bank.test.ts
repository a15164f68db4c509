import { describe, expect, test } from 'vitest'
// @ts-expect-error plain JavaScript, as all of the benchmarks
import { Chance } from '../../../../bench/patterns/random.mjs'
import { fullShape, kAlarmSurprise, SeriesBank } from '../../../../src/lib/anomaly/series-bank.js'

const kFiveMinutes = 300
const kDay = 288
const kAlarm = 1 - 10 ** -kAlarmSurprise

type Value = (row: number, chance: { normal(mean: number, deviation: number): number; next(): number }) => number

/** Rows of alarms, and what each was. */
function alarms(rows: number, value: Value, seed = 1) {
  const bank = new SeriesBank(1)
  const chance = new Chance(seed)
  const found: { row: number; question: string }[] = []
  for (let row = 0; row < rows; row++)
    if (bank.update(0, value(row, chance), row * kFiveMinutes) >= kAlarm) found.push({ row, question: bank.leading })
  return found
}

const after = (rows: readonly { row: number; question: string }[], from: number) =>
  rows.filter(({ row }) => row >= from)

describe('what is seen within an hour or two of its beginning', () => {
  const at = 10 * kDay + 50
  const stories: readonly (readonly [string, Value, number])[] = [
    ['a spike', (row, c) => c.normal(row === at ? 60 : 30, 2), 1],
    ['a new level', (row, c) => c.normal(row >= at ? 38 : 30, 2), 8],
    ['more noise', (row, c) => c.normal(30, row >= at ? 8 : 2), 12],
    ['a process that hangs', (row, c) => (row >= at ? 0 : c.normal(30, 2)), 3],
    [
      'a work day that is none',
      (row, c) => c.normal(row % kDay > 100 && row % kDay < 200 && (row < at || row > at + 200) ? 80 : 20, 2),
      80,
    ],
    ['a job at the wrong hour', (row, c) => (row % kDay === 150 || row === at ? 50 : 0) + c.normal(5, 0.2), 1],
  ]
  test.each(stories)('%s', (_story, value, within) => {
    const found = after(alarms(12 * kDay, value), at)
    expect(found.length).toBeGreaterThan(0)
    expect(found[0]!.row - at).toBeLessThanOrEqual(within)
  })
})

describe('what is not an anomaly', () => {
  const stories: readonly (readonly [string, Value])[] = [
    ['always the same', () => 45],
    ['zero', () => 0],
    ['work days, each like the other', (row, c) => c.normal(row % kDay > 100 && row % kDay < 200 ? 80 : 20, 2)],
    ['a job each day', (row, c) => (row % kDay === 150 ? 50 : 0) + c.normal(5, 0.2)],
  ]
  test.each(stories)('%s', (_story, value) => {
    // After the days in which everything is new.
    expect(after(alarms(28 * kDay, value), 3 * kDay).length).toBeLessThanOrEqual(6)
  })
})

test('one anomaly is told once: no alarm in the wake of another', () => {
  const found = alarms(20 * kDay, (row, c) => c.normal(30, 2) + (row % 700 > 600 ? 40 * c.next() : 0))
  expect(found.length).toBeGreaterThan(1)
  for (let n = 1; n < found.length; n++) expect(found[n]!.row - found[n - 1]!.row).toBeGreaterThan(100)
})

test('the question with the most surprising answer names the anomaly', () => {
  const bank = new SeriesBank(1)
  const chance = new Chance(5)
  for (let row = 0; row < 10 * kDay; row++) bank.update(0, chance.normal(30, 2), row * kFiveMinutes)
  bank.update(0, 90, 10 * kDay * kFiveMinutes)
  expect(bank.surprise).toBeGreaterThan(kAlarmSurprise)
  expect(['value', 'run']).toContain(bank.leading)
  expect(bank.level(0)).toBeCloseTo(30, 0)
  expect(bank.samples(0)).toBe(10 * kDay + 1)
})

test('what was saved goes on as if nothing had been, and series do not know each other', () => {
  const shape = { daySlots: 24, bins: 48 }
  const chance = new Chance(9)
  const both = new SeriesBank(2, shape)
  const alone = new SeriesBank(1, shape)
  const values = Array.from({ length: 3 * kDay }, (): number => chance.normal(10, 1))
  for (const [row, value] of values.entries()) {
    both.update(0, row % 7, row * kFiveMinutes)
    expect(both.update(1, value, row * kFiveMinutes)).toBe(alone.update(0, value, row * kFiveMinutes))
  }
  const again = new SeriesBank(2, shape, both.buffer.slice(0))
  for (const value of [10, 25, 11, 0]) expect(again.update(1, value, 1e6)).toBe(both.update(1, value, 1e6))
  expect(() => new SeriesBank(3, shape, both.buffer)).toThrow('bytes')
})

test('what is no number is no sample', () => {
  const bank = new SeriesBank(1)
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 1e300]) expect(bank.update(0, value, 0)).toBe(0)
  expect(bank.samples(0)).toBe(0)
})

test('a series takes less than 4 KB', () => {
  expect(SeriesBank.bytes(fullShape)).toBeLessThanOrEqual(4096)
  expect(new SeriesBank(3).buffer.byteLength).toBe(3 * SeriesBank.bytes(fullShape))
})

test.each([Number.NaN, Number.POSITIVE_INFINITY, 1e38, -1e300])(
  '%d is no sample: it says nothing, of any series, and nothing comes of it',
  (bad) => {
    const bank = new SeriesBank(2)
    for (let row = 0; row < 500; row++) for (const series of [0, 1]) bank.update(series, row % 7, row * kFiveMinutes)
    bank.update(0, 1e6, 500 * kFiveMinutes)
    expect(bank.surprise).toBeGreaterThan(2)
    const before = new Uint8Array(bank.buffer.slice(0))
    expect(bank.update(1, bad, 500 * kFiveMinutes)).toBe(0)
    expect(bank.update(1, 3, bad === 1e38 ? Number.NaN : Number.POSITIVE_INFINITY)).toBe(0)
    expect(bank.surprise).toBe(0)
    expect(new Uint8Array(bank.buffer)).toEqual(before)
  },
)

test('values of every size, and from one size to another, leave a bank that is sound', () => {
  const bank = new SeriesBank(1)
  const chance = new Chance(5)
  for (let row = 0; row < 3000; row++) {
    const size = 10 ** chance.between(-40, 37)
    bank.update(0, chance.next() < 0.5 ? size : -size, row * kFiveMinutes)
    expect(bank.surprise).toBeGreaterThanOrEqual(0)
    expect(bank.surprise).toBeLessThanOrEqual(30)
  }
  expect(bank.isSound).toBe(true)
})
