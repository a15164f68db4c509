import { lowerGamma, upperGamma } from './gamma.js'

/**
 * Φ(z): the share of a standard normal distribution below z.
 *
 * By the incomplete gamma function, Φ(-z) = Q(1/2, z²/2) / 2 (Abramowitz and Stegun 26.4.21), so that tails keep their
 * relative accuracy (1e-13) down to 1e-308, which 1 - Φ would lose at 1e-16. NaN for NaN.
 */
export function normalCdf(z: number): number {
  if (z < 0) return 0.5 * upperGamma(0.5, 0.5 * z * z)
  return 0.5 + 0.5 * lowerGamma(0.5, 0.5 * z * z)
}

/** 1 - Φ(z): the share above z, with relative accuracy where it is small. */
export function normalTail(z: number): number {
  return normalCdf(-z)
}

/**
 * The z with Φ(z) = p, for 0 <= p <= 1; -Infinity and Infinity at the ends, NaN outside.
 *
 * Rational start (Abramowitz and Stegun 26.2.23, error 4.5e-4), then Newton's method with Halley's correction, whose error
 * is cubed each step: three are exact to 1e-14. Use -normalQuantile(tail) for upper tails: 1 - tail would round.
 */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) return Number.NaN
  if (p === 0) return Number.NEGATIVE_INFINITY
  if (p === 1) return Number.POSITIVE_INFINITY
  if (p > 0.5) return -normalQuantile(1 - p)
  const t = Math.sqrt(-2 * Math.log(p))
  let z = (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))) - t
  for (let step = 0; step < 3; step++) {
    const density = Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI)
    if (density === 0) break
    const newton = (normalCdf(z) - p) / density
    z -= newton / (1 + 0.5 * z * newton)
  }
  return z
}
