import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  binomialAtLeast,
  binomialAtMost,
  hypergeometricAtLeast,
  negativeBinomialAtLeast,
  negativeBinomialAtMost,
  poissonAtLeast,
  poissonAtMost,
} from '../../../../src/lib/statistics/counts.js'
import { logGamma } from '../../../../src/lib/statistics/gamma.js'
import { near } from './near.js'

// Expected values are from SciPy 1.17.1 (sf and cdf); the properties add up the probabilities one by one.

const sum = (from: number, to: number, probability: (k: number) => number) => {
  let total = 0
  for (let k = from; k <= to; k++) total += probability(k)
  return total
}
const choose = (n: number, k: number) =>
  k < 0 || k > n ? 0 : Math.exp(logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1))

describe('Poisson', () => {
  test.each([
    [3, 0.1, 0.00015465307026467172, 0.9999961531660747],
    [20, 2, 6.443731393112101e-14, 0.9999999999999939],
    [60, 5, 7.649610081149458e-43, 1],
    [10, 0.001, 2.753227859428452e-37, 1],
    [0, 3, 1, 0.04978706836786395],
    [950, 1000, 0.9457933261109813, 0.057836292955323276],
    [1, 7, 0.9990881180344455, 0.007295055724436127],
  ])('%d where %d are expected', (k, mean, atLeast, atMost) => {
    near(poissonAtLeast(k, mean), atLeast, 1e-11)
    near(poissonAtMost(k, mean), atMost, 1e-11)
  })

  test('the sum of its probabilities', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60 }), fc.double({ min: 0.001, max: 40, noNaN: true }), (k, mean) => {
        const atMost = sum(0, k, (i) => Math.exp(i * Math.log(mean) - mean - logGamma(i + 1)))
        near(poissonAtMost(k, mean), atMost, 1e-11)
        expect(Math.abs(poissonAtMost(k - 1, mean) + poissonAtLeast(k, mean) - 1)).toBeLessThan(1e-12)
      }),
    )
  })

  test('nothing is expected: nothing happens', () => {
    expect(poissonAtLeast(0, 0)).toBe(1)
    expect(poissonAtLeast(1, 0)).toBe(0)
    expect(poissonAtMost(0, 0)).toBe(1)
    expect(poissonAtLeast(2.5, 4)).toBe(poissonAtLeast(3, 4))
    expect(poissonAtMost(2.5, 4)).toBe(poissonAtMost(2, 4))
    expect(poissonAtLeast(1, -1)).toBeNaN()
    expect(poissonAtMost(Number.NaN, 1)).toBeNaN()
  })
})

describe('negative binomial', () => {
  test.each([
    [20, 2, 2, 1.049041748046875e-5, 0.9999945163726807],
    [5, 0.1, 0.5, 3.411401014278398e-5, 0.9999947764001229],
    [100, 10, 3.5, 1.0692819688117173e-10, 0.9999999999188902],
    [1, 8, 1, 0.8888888888888888, 0.20987654320987653],
  ])('%d where %d are expected, size %d', (k, mean, size, atLeast, atMost) => {
    near(negativeBinomialAtLeast(k, mean, size), atLeast, 1e-11)
    near(negativeBinomialAtMost(k, mean, size), atMost, 1e-11)
  })

  test('the sum of its probabilities', () => {
    const positive = fc.double({ min: 0.05, max: 30, noNaN: true })
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60 }), positive, positive, (k, mean, size) => {
        const p = size / (mean + size)
        const atMost = sum(0, k, (i) =>
          Math.exp(logGamma(i + size) - logGamma(size) - logGamma(i + 1) + size * Math.log(p) + i * Math.log1p(-p)),
        )
        near(negativeBinomialAtMost(k, mean, size), atMost, 1e-9)
      }),
    )
  })

  test('with a size beyond measure it is Poisson', () => {
    near(negativeBinomialAtLeast(20, 2, 1e8), poissonAtLeast(20, 2), 1e-4)
    expect(negativeBinomialAtLeast(20, 2, Number.POSITIVE_INFINITY)).toBe(poissonAtLeast(20, 2))
    expect(negativeBinomialAtLeast(1, 1, 0)).toBeNaN()
  })
})

describe('binomial', () => {
  test.each([
    [8, 10, 0.5, 0.0546875, 0.9892578125],
    [20, 1000, 0.001, 1.3357486992362727e-19, 1],
    [3, 3, 0.1, 0.001, 1],
    [2, 40, 0.3, 0.9999884487952624, 0.00010276544237352934],
    [0, 0, 0.5, 1, 1],
    [1, 0, 0.5, 0, 1],
  ])('%d of %d with probability %d', (k, n, p, atLeast, atMost) => {
    near(binomialAtLeast(k, n, p), atLeast, 1e-11)
    near(binomialAtMost(k, n, p), atMost, 1e-11)
  })

  test('the sum of its probabilities', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 50 }),
        fc.integer({ min: 0, max: 50 }),
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        (k, n, p) => {
          const atLeast = sum(k, n, (i) => choose(n, i) * p ** i * (1 - p) ** (n - i))
          near(binomialAtLeast(k, n, p), atLeast, 1e-9)
        },
      ),
    )
  })

  test('certain and impossible', () => {
    expect(binomialAtLeast(1, 5, 0)).toBe(0)
    expect(binomialAtLeast(5, 5, 1)).toBe(1)
    expect(binomialAtMost(4, 5, 1)).toBe(0)
    expect(binomialAtLeast(1, 5, 1.5)).toBeNaN()
  })
})

describe('hypergeometric', () => {
  // The lady tasting tea (Fisher 1935, The Design of Experiments, chapter 2): 1 and 17 of 70.
  test.each([
    [4, 8, 4, 4, 1 / 70],
    [3, 8, 4, 4, 17 / 70],
    [5, 50, 5, 10, 0.00011893749174045195],
    [12, 1000, 20, 300, 0.0047363035944887055],
    [2, 1000, 20, 300, 0.9927935275998111],
    [30, 100_000, 400, 500, 1.0136168756038421e-25],
  ])('%d, population %d, marked %d, drawn %d', (k, population, marked, draws, expected) =>
    near(hypergeometricAtLeast(k, population, marked, draws), expected, 1e-9),
  )

  test('the sum of its probabilities', () => {
    const whole = fc.integer({ min: 0, max: 40 })
    fc.assert(
      fc.property(whole, whole, whole, fc.integer({ min: -1, max: 41 }), (a, b, c, k) => {
        const population = a + b
        const draws = Math.min(c, population)
        const expected = sum(
          Math.max(k, 0),
          draws,
          (i) => (choose(a, i) * choose(b, draws - i)) / choose(population, draws),
        )
        near(hypergeometricAtLeast(k, population, a, draws), expected, 1e-9)
      }),
    )
  })

  test('no such urn', () => {
    expect(hypergeometricAtLeast(1, 10, 11, 2)).toBeNaN()
    expect(hypergeometricAtLeast(1, 10, 2, -1)).toBeNaN()
    expect(hypergeometricAtLeast(0, 0, 0, 0)).toBe(1)
  })
})
