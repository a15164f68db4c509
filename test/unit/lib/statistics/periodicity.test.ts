import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findPeriod, kMaxPeriodTimes } from '../../../../src/lib/statistics/periodicity.js'
import { randomOf } from './near.js'

const list = (values: readonly number[]) => Float64Array.from(values).sort()

function normalOf(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/** Times at equal intervals from the one before. */
function renewal(random: () => number, count: number, period: number, jitter: number): number[] {
  let at = 0
  return Array.from({ length: count }, () => {
    at += period * (1 + jitter * normalOf(random))
    return at
  })
}

describe('a period is found', () => {
  test('whatever the unit of time, to a share of its jitter', () => {
    const random = randomOf(1)
    for (const period of [1, 3600, 86_400_000, 1e-3]) {
      const found = findPeriod(list(renewal(random, 12, period, 0.03)))!
      expect(found.pValue).toBeLessThan(1e-6)
      expect(found.period / period).toBeCloseTo(1, 1)
      expect(found.jitter / period).toBeLessThan(0.08)
      expect(found).toMatchObject({ events: 12, intervals: 11, fitting: 11, extra: undefined })
    }
  })

  test('in five exact times', () => expect(findPeriod(list([0, 10, 20.01, 30, 40.02]))!.pValue).toBeLessThan(1e-4))

  test('though one is missing', () => {
    const found = findPeriod(list([0, 10, 20.1, 40, 50.1, 60, 70.1]))!
    expect(found.pValue).toBeLessThan(1e-6)
    expect(found.period).toBeCloseTo(10, 0)
    expect(found.fitting).toBe(6)
  })

  test('though one is too many, and it says which', () => {
    const found = findPeriod(list([0, 10, 20.1, 24, 30, 40.1, 50, 60.1]))!
    expect(found.pValue).toBeLessThan(1e-5)
    expect(found.period).toBeCloseTo(10, 0)
    expect(found.extra).toBe(3)
  })

  test('that has begun only now', () => {
    const random = randomOf(4)
    const before = Array.from({ length: 40 }, () => random() * 1000)
    const times = [...before, ...renewal(random, 16, 7, 0.03).map((at) => at + 1000)]
    const found = findPeriod(list(times))!
    expect(found.pValue).toBeLessThan(1e-4)
    expect(found.events).toBe(16)
    expect(found.period).toBeCloseTo(7, 0)
  })

  test('by a clock, in which jitter does not add up', () => {
    const random = randomOf(5)
    const found = findPeriod(list(Array.from({ length: 64 }, (_, n) => 60 * n + 4 * normalOf(random))))!
    expect(found.period).toBeCloseTo(60, -1)
    // An interval is the difference of two such times.
    expect(found.jitter / (4 * Math.SQRT2)).toBeGreaterThan(0.6)
    expect(found.jitter / (4 * Math.SQRT2)).toBeLessThan(1.4)
  })
})

describe('chance is not taken for a period', () => {
  test.each([
    ['Poisson', (random: () => number) => -Math.log(1 - random())],
    ['bursts', (random: () => number) => -Math.log(1 - random()) * (random() < 0.6 ? 0.05 : 2)],
  ])('%s: p <= 0.01 in no more than one of a hundred', (_name, interval) => {
    const random = randomOf(6)
    for (const count of [5, 8, 16, 40]) {
      const rounds = 2500
      let found = 0
      for (let round = 0; round < rounds; round++) {
        let at = 0
        const times = Float64Array.from({ length: count }, () => {
          at += interval(random)
          return at
        })
        if ((findPeriod(times)?.pValue ?? 1) <= 0.01) found++
      }
      expect(found / rounds).toBeLessThan(0.012)
    }
  })

  test('nor is a loop: two times far apart, many close together', () => {
    expect(findPeriod(list([0, 1000, 1001, 1002.2, 5000, 5001.7]))?.pValue ?? 1).toBeGreaterThan(1e-3)
  })
})

test('too few, equal, infinite and more times than it takes', () => {
  for (const times of [[], [1], [1, 2], [1, 2, 3], [5, 5, 5, 5, 5]]) expect(findPeriod(list(times))).toBeUndefined()
  const many = Float64Array.from({ length: 3 * kMaxPeriodTimes }, (_, n) => n)
  expect(findPeriod(many)!.events).toBeLessThanOrEqual(kMaxPeriodTimes)
})

test('shifting and stretching time changes nothing', () => {
  const gaps = fc.array(fc.double({ min: 0.5, max: 2, noNaN: true }), { minLength: 4, maxLength: 40 })
  fc.assert(
    fc.property(gaps, fc.integer({ min: 1, max: 1000 }), (intervals, factor) => {
      let at = 0
      const times = [0, ...intervals.map((interval) => (at += interval))]
      const one = findPeriod(list(times))
      const other = findPeriod(list(times.map((time) => 1e4 + factor * time)))
      if (one === undefined || other === undefined) return
      expect(other.pValue / one.pValue).toBeCloseTo(1, 3)
      expect(other.period / factor / one.period).toBeCloseTo(1, 3)
    }),
  )
})
