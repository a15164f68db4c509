/** Relative error at which series and continued fractions stop: half an ulp of a double. */
const kEpsilon = 2 ** -53
/** Keeps divisors of Lentz's method off zero without mattering beside any real term. */
const kTiny = 1e-300
/** Shape above which the distribution is normal in the cube root to 1e-6; iterations below are at most some 10 000. */
const kLargeShape = 1e6
/** From here on seven terms of Stirling's series are exact to 3e-17. */
const kStirlingFrom = 10
const kHalfLogTwoPi = 0.5 * Math.log(2 * Math.PI)

/**
 * Natural logarithm of the gamma function, for x > 0. logGamma(n + 1) = ln n!.
 *
 * Stirling's series (Abramowitz and Stegun 6.1.40), reached from small x by x Γ(x) = Γ(x + 1).
 * Absolute error below 1e-14 for x < 100, relative error below 1e-15 above. NaN for x <= 0 and NaN; Infinity for Infinity.
 */
export function logGamma(x: number): number {
  if (!(x > 0)) return Number.NaN
  if (x === Number.POSITIVE_INFINITY) return x
  let product = 1
  let shifted = x
  for (; shifted < kStirlingFrom; shifted++) product *= shifted
  const r = 1 / (shifted * shifted)
  const series =
    (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r * (1 / 1188 - r * (691 / 360360 - r / 156)))))) / shifted
  return (shifted - 0.5) * Math.log(shifted) - shifted + kHalfLogTwoPi + series - Math.log(product)
}

/**
 * P(a, x) = 1/Γ(a) ∫₀ˣ tᵃ⁻¹ e⁻ᵗ dt: the regularised lower incomplete gamma function, for a > 0 and x >= 0.
 *
 * Small values keep their relative accuracy (no 1 - Q). Abramowitz and Stegun 6.5.29 below a + 1, else 1 - Q. Relative
 * error below 1e-12 up to a = 1e4 and 1e-9 up to 1e6; above, Wilson and Hilferty's cube root (error 1e-6, absolute).
 * NaN outside the range. Underflows to 0 below 1e-308.
 */
export function lowerGamma(a: number, x: number): number {
  if (!(a > 0 && x >= 0)) return Number.NaN
  if (x === 0) return 0
  if (x === Number.POSITIVE_INFINITY) return 1
  if (a > kLargeShape) return cubeRootNormal(a, x, -1)
  return x < a + 1 ? bySeries(a, x) : 1 - byFraction(a, x)
}

/** Q(a, x) = 1 - P(a, x), with relative accuracy where it is small. Ranges and errors as `lowerGamma`. */
export function upperGamma(a: number, x: number): number {
  if (!(a > 0 && x >= 0)) return Number.NaN
  if (x === 0) return 1
  if (x === Number.POSITIVE_INFINITY) return 0
  if (a > kLargeShape) return cubeRootNormal(a, x, 1)
  return x < a + 1 ? 1 - bySeries(a, x) : byFraction(a, x)
}

/** xᵃ e⁻ˣ / Γ(a + 1) · Σ xⁿ / ((a + 1) ... (a + n)); about 6 √a + 40 terms. */
function bySeries(a: number, x: number): number {
  let term = 1
  let sum = 1
  for (let n = 1; term > sum * kEpsilon; n++) {
    term *= x / (a + n)
    sum += term
  }
  return sum * Math.exp(a * Math.log(x) - x - logGamma(a + 1))
}

/** Continued fraction (Abramowitz and Stegun 6.5.31, even part) by Lentz's method as modified by Thompson and Barnett (1986). */
function byFraction(a: number, x: number): number {
  let b = x + 1 - a
  let c = 1 / kTiny
  let d = 1 / b
  let value = d
  // Converges within about 6 √a + 100 steps for x >= a + 1; the bound is far above.
  const limit = 200 + 20 * Math.sqrt(a)
  for (let n = 1; n < limit; n++) {
    const an = n * (a - n)
    b += 2
    d = 1 / awayFromZero(an * d + b)
    c = awayFromZero(b + an / c)
    const factor = c * d
    value *= factor
    if (Math.abs(factor - 1) < 2 * kEpsilon) break
  }
  return value * Math.exp(a * Math.log(x) - x - logGamma(a))
}

/** (x / a)^(1/3) is nearly normal with mean 1 - 1/(9a) and variance 1/(9a) (Wilson and Hilferty 1931). */
function cubeRootNormal(a: number, x: number, side: 1 | -1): number {
  const variance = 1 / (9 * a)
  const z = (side * (Math.cbrt(x / a) - 1 + variance)) / Math.sqrt(variance)
  return z > 0 ? 0.5 * upperGamma(0.5, 0.5 * z * z) : 0.5 + 0.5 * lowerGamma(0.5, 0.5 * z * z)
}

/** A divisor of Lentz's method that would be zero. */
export function awayFromZero(value: number): number {
  return Math.abs(value) < kTiny ? kTiny : value
}
