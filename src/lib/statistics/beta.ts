import { awayFromZero, logGamma } from './gamma.js'

/** A term this much smaller than the sum no longer shows in it. */
const kEpsilon = 2 ** -53

/**
 * I_x(a, b): the regularised incomplete beta function, for a, b > 0 and 0 <= x <= 1.
 *
 * Continued fraction (Abramowitz and Stegun 26.5.8) by Lentz's method, on the side of the mean where it converges.
 * Small values keep their relative accuracy: the error is below 1e-12 for a + b < 1e4 and grows with a + b to 1e-9 at 1e6.
 * NaN outside the range. Underflows to 0 below 1e-308.
 */
export function regularisedBeta(x: number, a: number, b: number): number {
  if (!(a > 0 && b > 0 && x >= 0 && x <= 1)) return Number.NaN
  return betaOf(x, 1 - x, a, b)
}

/** The same with 1 - x given apart, which is exact where x is nearly 1. */
export function betaOf(x: number, y: number, a: number, b: number): number {
  if (x === 0) return 0
  if (y === 0) return 1
  const front = Math.exp(a * Math.log(x) + b * Math.log(y) + logGamma(a + b) - logGamma(a) - logGamma(b))
  // Left of the mean the fraction converges fast; right of it that of the mirror image does.
  return x < (a + 1) / (a + b + 2) ? (front * fraction(x, a, b)) / a : 1 - (front * fraction(y, b, a)) / b
}

function fraction(x: number, a: number, b: number): number {
  let c = 1
  let d = 1 / awayFromZero(1 - ((a + b) * x) / (a + 1))
  let value = d
  // Converges within O(√max(a, b)) steps; the bound is far above.
  const limit = 200 + 20 * Math.sqrt(Math.max(a, b))
  for (let m = 1; m < limit; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / awayFromZero(1 + even * d)
    c = awayFromZero(1 + even / c)
    value *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / awayFromZero(1 + odd * d)
    c = awayFromZero(1 + odd / c)
    const factor = d * c
    value *= factor
    if (Math.abs(factor - 1) < 2 * kEpsilon) break
  }
  return value
}
