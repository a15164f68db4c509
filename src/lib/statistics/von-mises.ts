import { normalTail } from './normal.js'

/**
 * I₁(x) / I₀(x) for x >= 0: the mean resultant length of a von Mises distribution with concentration x.
 * Perron's continued fraction for ratios of modified Bessel functions, from its far end (Gautschi and Slavik 1978); the number
 * of terms makes it exact to 1e-15.
 */
export function besselRatio(x: number): number {
  if (x > 500) return 1 - 1 / (2 * x) - 1 / (8 * x * x) - 1 / (8 * x * x * x)
  let tail = 0
  for (let k = 20 + Math.ceil(x); k >= 1; k--) tail = x / (2 * k + x * tail)
  return tail
}

/** ln I₀(x) for x >= 0: power series (Abramowitz and Stegun 9.6.12), from 15 on the asymptotic one (9.7.1); relative error 1e-10. */
export function logBesselI0(x: number): number {
  if (x > 15) {
    let term = 1
    let sum = 1
    for (let k = 1; k <= 12; k++) {
      term *= (2 * k - 1) ** 2 / (8 * k * x)
      sum += term
    }
    return x - 0.5 * Math.log(2 * Math.PI * x) + Math.log(sum)
  }
  const quarter = (x * x) / 4
  let term = 1
  let sum = 1
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= quarter / (k * k)
    sum += term
  }
  return Math.log(sum)
}

/** The concentration whose mean resultant length is `length`, in [0, 1): start by Best and Fisher (1981), then Newton's method. */
export function vonMisesConcentration(length: number): number {
  const r = length
  let x = r < 0.53 ? 2 * r + r ** 3 + (5 * r ** 5) / 6 : r < 0.85 ? -0.4 + 1.39 * r + 0.43 / (1 - r) : 1 / (2 * (1 - r))
  for (let step = 0; step < 8 && x > 0; step++) {
    const ratio = besselRatio(x)
    const change = (ratio - r) / (1 - ratio * ratio - ratio / x)
    // Far out the step is lost in rounding; half of x is as far down as one may go.
    x -= Math.min(change, x / 2)
    if (Math.abs(change) < 1e-12 * x) break
  }
  return x
}

/** Nearer to 1 a mean of cosines cannot be told from 1: p would be 0. */
const kNearestToOne = 1e-9

/**
 * P(Σ cos φᵢ >= sum) of n independent directions, all equally likely: the V-test with the right tail for few of them.
 *
 * Saddlepoint approximation of Lugannani and Rice (1980) with the cumulant function ln I₀; relative error below 10 % for
 * n >= 3, also in the far tail, where the normal form of the V-test is wrong by powers of ten.
 * 1 for n = 0; NaN for NaN; 0.5 or more, only roughly, for sums <= 0.
 */
export function cosineSumTail(sum: number, n: number): number {
  if (n === 0) return 1
  const mean = Math.min(sum / n, 1 - kNearestToOne)
  // Around 0 both terms of the formula grow without bound, and the normal form is exact there.
  if (!(mean * Math.sqrt(2 * n) > 0.1)) return normalTail(mean * Math.sqrt(2 * n))
  const x = vonMisesConcentration(mean)
  const ratio = besselRatio(x)
  const w = Math.sqrt(2 * n * (x * mean - logBesselI0(x)))
  const u = x * Math.sqrt(n * (1 - ratio * ratio - ratio / x))
  const density = Math.exp(-0.5 * w * w) / Math.sqrt(2 * Math.PI)
  return Math.max(normalTail(w) + density * (1 / u - 1 / w), 0)
}
