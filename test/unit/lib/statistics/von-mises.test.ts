import { describe, expect, test } from 'vitest'
import {
  besselRatio,
  cosineSumTail,
  logBesselI0,
  vonMisesConcentration,
} from '../../../../src/lib/statistics/von-mises.js'
import { near, randomOf } from './near.js'

describe('modified Bessel functions', () => {
  // SciPy 1.17.1: ive(1, x) / ive(0, x), log(ive(0, x)) + x
  test.each([
    [0.1, 0.04993760398793894, 0.0024984392338759653],
    [1, 0.4463899658965345, 0.23591435850717857],
    [5, 0.8933831370440853, 3.3046817758225333],
    [14.9, 0.9658374896199456, 12.639073730400433],
    [15.1, 0.9662985029596796, 12.832287538686563],
    [100, 0.9949873730051689, 96.77973268994258],
    [501, 0.9990014970048631, 496.97300816677324],
    [1e6, 0.9999994999998749, 999992.1733063128],
  ])('at %d', (x, ratio, logI0) => {
    near(besselRatio(x), ratio, 1e-10)
    near(logBesselI0(x), logI0, 1e-9)
    near(vonMisesConcentration(besselRatio(x)), x, 1e-9)
  })

  test('none for no direction', () => {
    expect(besselRatio(0)).toBe(0)
    expect(logBesselI0(0)).toBe(0)
    expect(vonMisesConcentration(0)).toBe(0)
  })
})

describe('tail of a sum of cosines', () => {
  test('as often as chance says, whatever the number', () => {
    const random = randomOf(17)
    for (const n of [3, 5, 12])
      for (const mean of [0.2, 0.5, 0.7]) {
        const rounds = 60_000
        let hits = 0
        for (let round = 0; round < rounds; round++) {
          let sum = 0
          for (let i = 0; i < n; i++) sum += Math.cos(2 * Math.PI * random())
          if (sum >= mean * n) hits++
        }
        const p = cosineSumTail(mean * n, n)
        expect(Math.abs(hits / rounds - p)).toBeLessThan(0.12 * p + 4 * Math.sqrt(p / rounds))
      }
  })

  test('far out it is the volume of a small ball: what the normal form is wrong by powers of ten about', () => {
    // Σ φ²/2 <= e n, a ball of radius √(2 e n) in n dimensions, over (2π)ⁿ; n = 4: π² r⁴ / 2
    const radius = Math.sqrt(2 * 0.001 * 4)
    near(cosineSumTail(4 * 0.999, 4), (Math.PI ** 2 * radius ** 4) / 2 / (2 * Math.PI) ** 4, 0.1)
  })

  test('more is less probable, and nothing is certain', () => {
    let last = 1
    for (let mean = -1; mean <= 1; mean += 0.01) {
      const p = cosineSumTail(mean * 9, 9)
      expect(p).toBeLessThanOrEqual(last + 1e-3)
      last = p
    }
    expect(cosineSumTail(9, 9)).toBeLessThan(1e-20)
    expect(cosineSumTail(0, 0)).toBe(1)
    expect(cosineSumTail(Number.NaN, 4)).toBeNaN()
  })
})
