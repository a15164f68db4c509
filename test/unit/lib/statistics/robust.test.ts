import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  kMadToSigma,
  madInPlace,
  medianInPlace,
  quantileInPlace,
  selectInPlace,
} from '../../../../src/lib/statistics/robust.js'
import { randomOf } from './near.js'

const value = fc.oneof(fc.integer({ min: -5, max: 5 }), fc.double({ noNaN: true, min: -1e9, max: 1e9 }))
const list = (values: readonly number[]) => Float64Array.from(values)
// Plus zero: -0 and 0 are equal and may stand in any order.
const sorted = (values: readonly number[]) => values.map((v) => v + 0).sort((a, b) => a - b)

describe('selection', () => {
  test('is what sorting gives, and splits there', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 200 }), fc.nat(), (values, at) => {
        const k = at % values.length
        const array = list(values)
        const found = selectInPlace(array, k)
        expect(found + 0).toBe(sorted(values)[k])
        expect(array.subarray(0, k).every((v) => v <= found)).toBe(true)
        expect(array.subarray(k).every((v) => v >= found)).toBe(true)
        expect(sorted([...array])).toEqual(sorted(values))
      }),
    )
  })

  test('orders that a pivot likes least are no trouble', () => {
    const n = 20_000
    const orders = [
      (i: number) => i,
      (i: number) => n - i,
      (i: number) => Math.min(i, n - i),
      (i: number) => i % 3,
      () => 7,
      (i: number) => (i % 2 === 0 ? i : -i),
    ]
    for (const order of orders) {
      const values = Array.from({ length: n }, (_, i) => order(i))
      expect(selectInPlace(list(values), n >> 2)).toBe(sorted(values)[n >> 2])
    }
  })

  test('only the given range is touched', () => {
    const array = list([9, 3, 1, 2, 0])
    expect(selectInPlace(array, 2, 1, 4)).toBe(2)
    expect([array[0], array[4]]).toEqual([9, 0])
  })
})

describe('quantiles', () => {
  // Hyndman and Fan 1996, definition 7; values as numpy.quantile gives them.
  test.each([
    [[1, 2, 3, 4], 0.5, 2.5],
    [[4, 1, 3, 2], 0.25, 1.75],
    [[5], 0.9, 5],
    [[1, 2], 0, 1],
    [[1, 2], 1, 2],
    [[10, 20, 30, 40, 50], 0.9, 46],
  ])('of %j at %d: %d', (values, p, expected) => expect(quantileInPlace(list(values), p)).toBeCloseTo(expected, 12))

  test('are the interpolated order statistics', () => {
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 60 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, p) => {
          const order = sorted(values)
          const at = (values.length - 1) * p
          const low = order[Math.floor(at)]!
          const high = order[Math.ceil(at)]!
          const found = quantileInPlace(list(values), p)
          expect(Math.abs(found - (low + (at - Math.floor(at)) * (high - low)))).toBeLessThanOrEqual(1e-6)
        },
      ),
    )
  })

  test('of nothing, of NaN and beyond 0..1 there are none', () => {
    expect(medianInPlace(list([]))).toBeNaN()
    expect(medianInPlace(list([1, Number.NaN, 3]))).toBeNaN()
    expect(quantileInPlace(list([1]), 1.1)).toBeNaN()
    expect(quantileInPlace(list([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]), 0.3)).toBe(
      Number.POSITIVE_INFINITY,
    )
  })

  test('of the first n only', () => expect(medianInPlace(list([3, 1, 2, 100, 100]), 3)).toBe(2))
})

describe('median absolute deviation', () => {
  test('one wild value does not move it', () => expect(madInPlace(list([1, 2, 3, 4, 100]), 3)).toBe(1))

  test('of normal values, scaled, it is their standard deviation', () => {
    const random = randomOf(1)
    const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    const values = Float64Array.from({ length: 20_001 }, () => 5 + 3 * normal())
    const center = medianInPlace(Float64Array.from(values))
    expect(center).toBeCloseTo(5, 0)
    expect(kMadToSigma * madInPlace(values, center)).toBeCloseTo(3, 0)
  })
})
