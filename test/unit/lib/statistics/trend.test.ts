import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { kendallExactAtLeast, kendallVariance, tiesOf } from '../../../../src/lib/statistics/kendall.js'
import { mannKendall } from '../../../../src/lib/statistics/mann-kendall.js'
import { normalTail } from '../../../../src/lib/statistics/normal.js'
import { kMaxTheilSenPoints, theilSen } from '../../../../src/lib/statistics/theil-sen.js'
import { near, randomOf } from './near.js'

const list = (values: readonly number[]) => Float64Array.from(values)

function permutations<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length < 2) return [items]
  return items.flatMap((item, i) =>
    permutations([...items.slice(0, i), ...items.slice(i + 1)]).map((p) => [item, ...p]),
  )
}

function kendallS(values: readonly number[]): number {
  let s = 0
  for (let i = 0; i < values.length; i++)
    for (let j = i + 1; j < values.length; j++) s += Math.sign(values[j]! - values[i]!)
  return s
}

describe('Kendall', () => {
  // Hollander and Wolfe 1999, table A.30 (also Kendall 1970, appendix table 1), three digits.
  test.each([
    [4, 4, 0.167],
    [4, 6, 0.042],
    [5, 6, 0.117],
    [5, 8, 0.042],
    [8, 16, 0.031],
    [10, 23, 0.023],
    [10, 45, 1 / 3628800],
  ])('of %d pairs: S >= %d has p = %d', (n, s, p) => expect(kendallExactAtLeast(s, n)).toBeCloseTo(p, 3))

  test('the exact distribution is that of all orders', () => {
    for (let n = 1; n <= 7; n++) {
      const all = permutations(Array.from({ length: n }, (_, i) => i)).map(kendallS)
      for (let s = -(n * n); s <= n * n; s++)
        expect(kendallExactAtLeast(s, n)).toBeCloseTo(all.filter((other) => other >= s).length / all.length, 12)
    }
  })

  test('the variance with ties is that over all orders', () => {
    const smallList = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 2, maxLength: 6 })
    fc.assert(
      fc.property(smallList, smallList, (some, others) => {
        const n = Math.min(some.length, others.length)
        const x = some.slice(0, n)
        const scores = permutations(others.slice(0, n)).map((y) => {
          let s = 0
          for (let i = 0; i < n; i++)
            for (let j = i + 1; j < n; j++) s += Math.sign(x[j]! - x[i]!) * Math.sign(y[j]! - y[i]!)
          return s
        })
        const variance = scores.reduce((sum, s) => sum + s * s, 0) / scores.length
        const ties = (values: readonly number[]) => tiesOf(list(values).sort())
        expect(kendallVariance(n, ties(x), ties(others.slice(0, n)))).toBeCloseTo(variance, 9)
      }),
      { numRuns: 60 },
    )
  })
})

describe('Mann-Kendall', () => {
  test('a rise, told by the exact distribution', () => {
    // scipy.stats.kendalltau(range(6), values, method='exact'): 0.8667, p = 0.016667
    const trend = mannKendall(list([10, 22, 21, 30, 32, 40]))
    expect(trend).toMatchObject({ s: 13, exact: true })
    near(trend.tau, 13 / 15)
    near(trend.twoSided, 1 / 60)
    expect(trend.falling).toBeGreaterThan(0.99)
  })

  test('with ties it is normal, continuity corrected', () => {
    const values = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9]
    const trend = mannKendall(list(values))
    // n = 15, ties of 2, 2, 3, 3: (15·14·35 - 2·(2·1·9) - 2·(3·2·11)) / 18 = 399.33
    near(trend.z, (kendallS(values) - 1) / Math.sqrt((15 * 14 * 35 - 2 * 18 - 2 * 66) / 18))
    expect(trend.exact).toBe(false)
    // Without the correction scipy gives 0.005897: the correction is the safe side.
    expect(trend.twoSided).toBeGreaterThan(0.005897)
    expect(trend.twoSided).toBeLessThan(0.008)
  })

  test('where exact ends and normal begins there is no step', () => {
    const random = randomOf(3)
    for (let round = 0; round < 20; round++) {
      const values = list(Array.from({ length: 30 }, (_, i) => random() + i / 200))
      const exact = mannKendall(values)
      expect(exact.exact).toBe(true)
      const normal = exact.s > 0 ? [exact.rising, normalTail(exact.z)] : [exact.falling, normalTail(-exact.z)]
      expect(Math.abs(normal[0]! - normal[1]!)).toBeLessThan(0.002)
    }
  })

  test('under chance p is uniform', () => {
    const random = randomOf(5)
    const rounds = 4000
    for (const levels of [3, 1e9]) {
      let below = 0
      for (let round = 0; round < rounds; round++) {
        const values = Float64Array.from({ length: 20 }, () => Math.floor(random() * levels))
        if (mannKendall(values).rising <= 0.05) below++
      }
      expect(below / rounds).toBeGreaterThan(0.035)
      expect(below / rounds).toBeLessThan(0.06)
    }
  })

  test('nothing, one value, all equal, NaN', () => {
    for (const values of [[], [1], [2, 2, 2, 2]])
      expect(mannKendall(list(values))).toMatchObject({ s: 0, z: 0, rising: 1, falling: 1, twoSided: 1 })
    expect(mannKendall(list([1, Number.NaN, 2])).twoSided).toBeNaN()
  })
})

describe('Theil-Sen', () => {
  test('slope, intercept as SciPy gives them', () => {
    // Cloud seeding, Hollander and Wolfe 1999, example 9.1; scipy.stats.theilslopes(y, x, method='joint')
    const line = theilSen(list([1, 2, 3, 4, 5]), list([1.26, 1.27, 1.12, 1.16, 1.03]))
    near(line.slope, -0.05625, 1e-9)
    near(line.intercept, 1.31625, 1e-9)
    near(line.low, -0.15, 1e-9)
    near(line.high, 0.04, 1e-9)
  })

  test('is the median of all slopes', () => {
    const coordinate = fc.integer({ min: -20, max: 20 })
    fc.assert(
      fc.property(fc.array(fc.tuple(coordinate, coordinate), { maxLength: 30 }), (points) => {
        const slopes: number[] = []
        points.forEach(([x, y], i) => {
          for (const [x2, y2] of points.slice(i + 1)) if (x2 !== x) slopes.push((y2 - y) / (x2 - x))
        })
        slopes.sort((a, b) => a - b)
        const line = theilSen(list(points.map(([x]) => x)), list(points.map(([, y]) => y)))
        if (slopes.length === 0) {
          expect(line.slope).toBeNaN()
          return
        }
        const middle = slopes.length / 2
        expect(line.slope).toBeCloseTo((slopes[Math.ceil(middle) - 1]! + slopes[Math.floor(middle)]!) / 2, 12)
        expect(line.low).toBeLessThanOrEqual(line.slope)
        expect(line.high).toBeGreaterThanOrEqual(line.slope)
      }),
    )
  })

  test('a quarter of wild points does not move it', () => {
    const x = Float64Array.from({ length: 40 }, (_, i) => i)
    const y = x.map((at) => (at % 4 === 1 ? 1e6 * at : 3 * at + 7))
    const line = theilSen(x, y)
    near(line.slope, 3)
    near(line.intercept, 7)
  })

  test('its interval holds the true slope as often as it says', () => {
    const random = randomOf(11)
    const rounds = 1000
    let held = 0
    const scratch = new Float64Array((25 * 24) / 2)
    const x = Float64Array.from({ length: 25 }, (_, i) => i)
    for (let round = 0; round < rounds; round++) {
      const line = theilSen(
        x,
        x.map((at) => 2 * at + Math.log(random()) * 5),
        0.9,
        scratch,
      )
      if (line.low <= 2 && line.high >= 2) held++
    }
    expect(held / rounds).toBeGreaterThan(0.88)
    expect(held / rounds).toBeLessThan(0.94)
  })

  test('too few, NaN, too many', () => {
    const few = theilSen(list([1, 2, 3]), list([1, 2, 4]))
    expect([few.slope, few.low, few.high]).toEqual([1.5, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY])
    expect(theilSen(list([1, 1]), list([1, 2])).slope).toBeNaN()
    expect(theilSen(list([1, 2, 3]), list([1, Number.NaN, 2])).slope).toBeNaN()
    const many = new Float64Array(kMaxTheilSenPoints + 1)
    expect(() => theilSen(many, many)).toThrow(RangeError)
  })
})
