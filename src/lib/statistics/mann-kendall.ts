import { kendallExactAtLeast, kendallVariance, kMaxExactPairs, tiesOf } from './kendall.js'
import { normalTail } from './normal.js'

export interface TrendTest {
  /** Rising minus falling pairs. */
  readonly s: number
  /** S over the number of pairs, in [-1, 1]: Kendall's tau-a. 0 for fewer than two values. */
  readonly tau: number
  /** Standard normal score of S with continuity correction; 0 where S is. */
  readonly z: number
  /** One-sided p-values: as much of a rise, or of a fall, by chance. */
  readonly rising: number
  readonly falling: number
  readonly twoSided: number
  /** Whether p is from the exact distribution (no ties, at most `kMaxExactPairs` values) and not from the normal one. */
  readonly exact: boolean
}

const kNothing: TrendTest = { s: 0, tau: 0, z: 0, rising: 1, falling: 1, twoSided: 1, exact: true }

/**
 * Mann-Kendall test for a monotonic trend of values in order of time (Mann 1945; Kendall 1970; Gilbert 1987, section 16.4).
 *
 * S = Σ sign(xⱼ - xᵢ) over i < j. Exact p for small series without ties; else normal with the variance corrected for ties and
 * S moved one towards 0 for continuity, which is good from about 10 values on. O(n²): 1000 values are half a million compares.
 * Values must be independent: a smoothed or strongly autocorrelated series looks more certain than it is.
 * No trend (p = 1) for fewer than two values; all NaN if one value is NaN.
 */
export function mannKendall(values: Float64Array): TrendTest {
  const n = values.length
  if (n < 2) return kNothing
  let s = 0
  for (let i = 0; i < n; i++) {
    const value = values[i]!
    if (Number.isNaN(value)) return undefinedTrend
    for (let j = i + 1; j < n; j++) s += Math.sign(values[j]! - value)
  }
  const pairs = (n * (n - 1)) / 2
  const ties = tiesOf(Float64Array.from(values).sort())
  const variance = kendallVariance(n, { pairs: 0, triples: 0, weighted: 0 }, ties)
  const z = s === 0 || variance === 0 ? 0 : (s - Math.sign(s)) / Math.sqrt(variance)
  const exact = ties.pairs === 0 && n <= kMaxExactPairs
  const rising = exact ? kendallExactAtLeast(s, n) : tail(s, variance)
  const falling = exact ? kendallExactAtLeast(-s, n) : tail(-s, variance)
  return { s, tau: s / pairs, z, rising, falling, twoSided: Math.min(1, 2 * Math.min(rising, falling)), exact }
}

/** P(S >= s): between s - 1 and s lies half of the step of 2 that S goes in. */
function tail(s: number, variance: number): number {
  return variance === 0 ? 1 : normalTail((s - 1) / Math.sqrt(variance))
}

const kNaN = Number.NaN
const undefinedTrend: TrendTest = {
  s: kNaN,
  tau: kNaN,
  z: kNaN,
  rising: kNaN,
  falling: kNaN,
  twoSided: kNaN,
  exact: false,
}
