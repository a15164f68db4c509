import { describe, expect, test } from 'vitest'
import { timeToLimit } from '../../../../src/lib/growth/time-to-limit.js'
import { bytesInWords, rateInWords } from '../../../../src/lib/growth/words.js'

describe('when a line meets a limit', () => {
  const rounded = ({ earliestMs, likelyMs, latestMs }: ReturnType<typeof timeToLimit>) =>
    [earliestMs, likelyMs, latestMs].map((ms) => Math.round(ms * 1e6) / 1e6)

  test('of a line without noise, at one time, give or take a tenth', () => {
    const pace = { slope: 2, low: 2, high: 2, stray: 0 }
    expect(rounded(timeToLimit(pace, 100, 100, 300))).toEqual([90, 100, 110])
  })

  test('peaks meet it first, and those to come are higher; the line itself last', () => {
    const pace = { slope: 2, low: 1, high: 4, stray: 0 }
    expect(rounded(timeToLimit(pace, 100, 200, 300))).toEqual([20, 75, 200])
  })

  test('what comes by chance makes it more uncertain', () => {
    const at = (stray: number) => timeToLimit({ slope: 2, low: 2, high: 2, stray }, 100, 100, 300)
    expect(at(3).earliestMs).toBeLessThan(at(1).earliestMs)
    expect(at(3).latestMs).toBeGreaterThan(at(1).latestMs)
    // t at which 2 t + 2 stray √t is 200, and 2 t - 2 stray √t.
    const { earliestMs, latestMs } = at(3)
    expect(2 * earliestMs + 6 * Math.sqrt(earliestMs)).toBeCloseTo(200, 9)
    expect(2 * latestMs - 6 * Math.sqrt(latestMs)).toBeCloseTo(200, 9)
  })

  test('never where there is none, or where it may as well not grow; now where it is passed', () => {
    const pace = { slope: 2, low: -1, high: 3, stray: 0 }
    expect(timeToLimit(pace, 100, 100, Number.POSITIVE_INFINITY).likelyMs).toBe(Number.POSITIVE_INFINITY)
    expect(timeToLimit(pace, 100, 100, 300).latestMs).toBe(Number.POSITIVE_INFINITY)
    expect(timeToLimit(pace, 400, 400, 300)).toMatchObject({ likelyMs: 0, earliestMs: 0 })
  })
})

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '0.98 KiB'],
  [512 * 2 ** 20, '512 MiB'],
  [1.26 * 2 ** 30, '1.3 GiB'],
  [1e18, '909495 TiB'],
])('%d bytes are %s', (bytes, words) => {
  expect(bytesInWords(bytes)).toBe(words)
})

test.each([
  [2 ** 21 / 1000, '2 MiB/s'],
  [(1.2 * 2 ** 20) / 60_000, '1.2 MiB/min'],
  [(300 * 2 ** 20) / 86_400_000, '13 MiB/h'],
  [(5 * 2 ** 20) / 86_400_000, '5 MiB/day'],
])('%d bytes per millisecond are %s', (rate, words) => {
  expect(rateInWords(rate, bytesInWords, 2 ** 20)).toBe(words)
})
