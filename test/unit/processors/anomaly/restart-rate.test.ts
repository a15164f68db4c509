import { expect, test } from 'vitest'
import { kRateHours, kRateNumbers, RestartRate } from '../../../../src/processors/anomaly/restart-rate.js'

const kHourMs = 3_600_000
const kDayMs = 24 * kHourMs

function rate() {
  const numbers = new Float64Array(kRateNumbers)
  const one = new RestartRate(numbers, new Uint8Array(kRateHours))
  one.clear()
  return { one, numbers }
}

/** Six failures in two hours, of a unit that has had none for days. */
function storm(one: RestartRate, fromMs: number) {
  let last: ReturnType<RestartRate['add']>
  for (let n = 0; n < 6; n++) last = one.add(fromMs + (n * kHourMs) / 6)
  return last
}

test.each([
  ['as clocks show it', 20_000 * kDayMs],
  ['before 1970: steady time is what was read less all steps', -20 * kDayMs],
])('a storm of failures is rare, %s', (_when, fromMs) => {
  const { one } = rate()
  for (let day = 0; day < 10; day++) one.elapse(fromMs + day * kDayMs)
  expect(storm(one, fromMs + 10 * kDayMs)).toMatchObject({ count: 6, hours: 2 })
  expect(storm(one, fromMs + 10 * kDayMs)!.p).toBeLessThan(1e-3)
})

test('hours that a wrong clock has counted do not hold up those that come', () => {
  const { one } = rate()
  const fromMs = 20_000 * kDayMs
  for (let day = 0; day < 10; day++) one.elapse(fromMs + day * kDayMs)
  one.elapse(fromMs + 4000 * kDayMs)
  one.elapse(fromMs + 11 * kDayMs)
  for (let day = 0; day < 5; day++) storm(one, fromMs + (12 + day) * kDayMs)
  // Those of four days ago are not those of the last.
  expect(one.add(fromMs + 18 * kDayMs)).toBeUndefined()
})

test('what was told late, within a day, counts in the hour under way', () => {
  const { one } = rate()
  const fromMs = 20_000 * kDayMs
  for (let day = 0; day < 10; day++) one.elapse(fromMs + day * kDayMs)
  const nowMs = fromMs + 10 * kDayMs
  one.elapse(nowMs)
  for (let n = 0; n < 3; n++) expect(one.add(nowMs - 10 * kHourMs)?.count).toBe(n < 2 ? undefined : 3)
})

test.each([
  [0, Number.NaN],
  [0, -1],
  [1, Number.POSITIVE_INFINITY],
  [2, 0.5],
  [3, Number.NaN],
])('numbers of which the %i-th is %d are not what was learned', (at, value) => {
  const { one, numbers } = rate()
  expect(one.isSound).toBe(true)
  numbers[at] = value
  expect(one.isSound).toBe(false)
})
