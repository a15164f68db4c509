import { normalTail } from './normal.js'

/** Mean of directions on a circle. */
export interface CircularMean {
  readonly n: number
  /** Mean direction in radians, [0, 2π); NaN where there is none. */
  readonly direction: number
  /** Mean resultant length R̄: 0 spread evenly, 1 all the same. NaN for none. */
  readonly length: number
}

const kTurn = 2 * Math.PI

/** Direction and length of the mean of unit vectors (Mardia and Jupp 2000, section 2.2). Angles in radians; NaN in, NaN out. */
export function circularMean(angles: Float64Array): CircularMean {
  let x = 0
  let y = 0
  for (const angle of angles) {
    x += Math.cos(angle)
    y += Math.sin(angle)
  }
  return meanOfSums(x, y, angles.length)
}

/** The same of sums of cosines and sines that were gathered as the angles came. */
export function meanOfSums(cosines: number, sines: number, n: number): CircularMean {
  if (n === 0) return { n, direction: Number.NaN, length: Number.NaN }
  const direction = Math.atan2(sines, cosines)
  // Rounding may carry -1e-17 to 2π itself and the length of equal angles over 1.
  const turned = direction < 0 ? direction + kTurn : direction
  return { n, direction: turned >= kTurn ? 0 : turned, length: Math.min(Math.hypot(cosines, sines) / n, 1) }
}

/** Circular standard deviation √(-2 ln R̄) in radians (Mardia and Jupp 2000, equation 2.3.14); Infinity for R̄ = 0. */
export function circularDeviation(length: number): number {
  return Math.sqrt(-2 * Math.log(length))
}

/**
 * Rayleigh test: p of a mean resultant length this large if n directions were uniform.
 *
 * exp(√(1 + 4n + 4(n² - R²)) - (1 + 2n)) with R = n R̄ (Zar 2010, equation 27.4; from Greenwood and Durand 1955). Within 3e-3 of
 * the exact p for n >= 5 and conservative in its far tail: for few, nearly equal directions the truth is smaller.
 * 1 for n = 0; NaN for NaN.
 */
export function rayleighTest({ n, length }: CircularMean): number {
  if (n === 0) return 1
  const r = n * length
  return Math.min(1, Math.exp(Math.sqrt(1 + 4 * n + 4 * (n * n - r * r)) - (1 + 2 * n)))
}

/**
 * V-test: p of directions this much towards `expected`, which must not come from the same data, if they were uniform.
 *
 * u = R̄ cos(mean - expected) √(2n) is standard normal (Greenwood and Durand 1955; Zar 2010, section 27.1c); good to a few
 * thousandths from n = 8 on. 1 for n = 0.
 */
export function vTest({ n, direction, length }: CircularMean, expected: number): number {
  return n === 0 ? 1 : normalTail(length * Math.cos(direction - expected) * Math.sqrt(2 * n))
}
