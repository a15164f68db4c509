import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { regularisedBeta } from '../../../../src/lib/statistics/beta.js'
import { chiSquareCdf, chiSquareTail } from '../../../../src/lib/statistics/chi-square.js'
import { logGamma, lowerGamma, upperGamma } from '../../../../src/lib/statistics/gamma.js'
import { normalCdf, normalQuantile, normalTail } from '../../../../src/lib/statistics/normal.js'
import { integral, near } from './near.js'

// Expected values without another source are from SciPy 1.17.1 (scipy.special, scipy.stats).

describe('gamma function', () => {
  test.each([
    [1e-5, 11.512919692895826],
    [0.5, 0.5723649429247001],
    [1.5, -0.12078223763524526],
    [10, 12.801827480081469],
    [100.5, 361.43554046777757],
    [1e6, 12815504.569147611],
  ])('ln Γ(%d) = %d', (x, expected) => near(logGamma(x), expected, 1e-13))

  test('it continues the factorial', () => {
    let factorial = 1
    for (let n = 1; n <= 170; n++) {
      factorial *= n
      expect(Math.abs(logGamma(n + 1) - Math.log(factorial))).toBeLessThan(1e-12)
    }
  })

  test('outside its range it is not a number', () => {
    for (const x of [0, -1, Number.NaN]) expect(logGamma(x)).toBeNaN()
    expect(logGamma(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY)
  })

  test.each([
    [0.5, 0.1, 0.34527915398142317, 0.6547208460185768],
    [0.5, 40, 1, 3.744097384202887e-19],
    [3, 0.01, 1.6542165280748778e-7, 0.9999998345783472],
    [10, 3, 0.0011024881301154815, 0.9988975118698845],
    [10, 30, 0.9999928782491372, 7.121750862815593e-6],
    [1000, 900, 0.0005499022657117818, 0.9994500977342882],
    [1000, 1200, 0.9999999987118394, 1.288160608628143e-9],
    [10, 0.001, 2.753227859428452e-37, 1],
  ])('P and Q(%d, %d), both with all digits', (a, x, lower, upper) => {
    near(lowerGamma(a, x), lower)
    near(upperGamma(a, x), upper)
  })

  test('the integral itself', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 2, max: 30, noNaN: true }),
        fc.double({ min: 0.01, max: 60, noNaN: true }),
        (a, x) => {
          const density = (t: number) => (t === 0 ? 0 : Math.exp((a - 1) * Math.log(t) - t - logGamma(a)))
          expect(Math.abs(lowerGamma(a, x) - integral(density, 0, x))).toBeLessThan(1e-5)
          near(lowerGamma(a, x) + upperGamma(a, x), 1)
        },
      ),
    )
  })

  test('for huge shapes the normal limit takes over without a step', () => {
    for (const shift of [-3000, -1000, 0, 500, 2000])
      expect(Math.abs(lowerGamma(1e6, 1e6 + shift) - lowerGamma(1e6 + 1e-3, 1e6 + shift))).toBeLessThan(2e-6)
    near(upperGamma(1e9, 1e9 + 5 * Math.sqrt(1e9)), normalTail(5), 1e-2)
  })
})

describe('beta function', () => {
  test.each([
    [0.5, 2, 3, 0.6875],
    [0.001, 20, 2, 2.098e-59],
    [0.999, 0.5, 0.5, 0.9798649583666235],
    [0.3, 200, 100, 2.1540568140537102e-39],
    [0.9, 1, 40, 1],
    [0, 2, 2, 0],
    [1, 2, 2, 1],
  ])('I_%d(%d, %d) = %d', (x, a, b, expected) => near(regularisedBeta(x, a, b), expected, 1e-11))

  test('the integral itself, and its mirror image', () => {
    const shape = fc.double({ min: 2, max: 40, noNaN: true })
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 0.999, noNaN: true }), shape, shape, (x, a, b) => {
        const scale = logGamma(a + b) - logGamma(a) - logGamma(b)
        const density = (t: number) =>
          t === 0 ? 0 : Math.exp(scale + (a - 1) * Math.log(t) + (b - 1) * Math.log1p(-t))
        expect(Math.abs(regularisedBeta(x, a, b) - integral(density, 0, x))).toBeLessThan(1e-5)
        expect(Math.abs(regularisedBeta(x, a, b) + regularisedBeta(1 - x, b, a) - 1)).toBeLessThan(1e-12)
      }),
    )
  })

  test('outside its range it is not a number', () => {
    for (const [x, a, b] of [
      [-0.1, 1, 1],
      [1.1, 1, 1],
      [0.5, 0, 1],
      [0.5, 1, Number.NaN],
    ] as const)
      expect(regularisedBeta(x, a, b)).toBeNaN()
  })
})

describe('normal distribution', () => {
  test.each([
    [-20, 2.7536241186061556e-89],
    [-10, 7.61985302416047e-24],
    [-5, 2.866515718791933e-7],
    [-1.96, 0.024997895148220435],
    [-0.5, 0.3085375387259869],
    [0, 0.5],
    [1, 0.8413447460685429],
    [3, 0.9986501019683699],
  ])('Φ(%d) = %d', (z, expected) => {
    near(normalCdf(z), expected)
    near(normalTail(-z), expected)
  })

  // NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.1: 0.97500 at 1.96, and SciPy.
  test.each([
    [1e-300, -37.0470962993612],
    [1e-10, -6.361340902404056],
    [1e-5, -4.264890793922825],
    [0.025, -1.9599639845400545],
    [0.3, -0.5244005127080409],
    [0.75, 0.6744897501960817],
    [0.975, 1.959963984540054],
  ])('Φ⁻¹(%d) = %d', (p, expected) => near(normalQuantile(p), expected))

  test('the quantile is the inverse', () => {
    fc.assert(
      fc.property(fc.double({ min: -35, max: 5, noNaN: true }), (z) => {
        expect(normalQuantile(normalCdf(z))).toBeCloseTo(z, 9)
      }),
    )
    expect(normalQuantile(0)).toBe(Number.NEGATIVE_INFINITY)
    expect(normalQuantile(1)).toBe(Number.POSITIVE_INFINITY)
    expect(normalQuantile(0.5)).toBeCloseTo(0, 14)
  })

  test('outside its range it is not a number', () => {
    for (const p of [-0.1, 1.1, Number.NaN]) expect(normalQuantile(p)).toBeNaN()
    expect(normalCdf(Number.NaN)).toBeNaN()
    expect(normalCdf(Number.POSITIVE_INFINITY)).toBe(1)
    expect(normalCdf(Number.NEGATIVE_INFINITY)).toBe(0)
  })
})

describe('chi-square distribution', () => {
  // NIST/SEMATECH e-Handbook, 1.3.6.7.4: upper critical values, given to three digits.
  test.each([
    [1, 3.841, 0.05],
    [1, 6.635, 0.01],
    [10, 18.307, 0.05],
    [30, 59.703, 0.001],
    [100, 124.342, 0.05],
  ])('%d degrees: %d is exceeded with p = %d', (degrees, x, p) => near(chiSquareTail(x, degrees), p, 1e-3))

  test('far tails on both sides', () => {
    near(chiSquareTail(100, 5), 5.285148360943219e-20)
    near(chiSquareCdf(0.5, 30), 5.634558720450966e-22)
    expect(chiSquareCdf(-1, 3)).toBe(0)
    expect(chiSquareTail(-1, 3)).toBe(1)
    expect(chiSquareTail(1, 0)).toBeNaN()
  })
})
