import { kendallVariance, tiesOf } from './kendall.js'
import { normalQuantile } from './normal.js'
import { medianInPlace, selectInPlace } from './robust.js'

export interface RobustLine {
  /** Median of the slopes of all pairs. */
  readonly slope: number
  /** Median of y - slope x. */
  readonly intercept: number
  /** Confidence interval of the slope. */
  readonly low: number
  readonly high: number
}

/** Points a fit takes: half a million slopes, 4 MB and some 10 ms. Thin out longer series first. */
export const kMaxTheilSenPoints = 1024

/**
 * Line through points that ignores up to 29 % of wild ones: the median of the slopes of all pairs with different x (Theil 1950;
 * Sen 1968), with Sen's distribution-free confidence interval: the slopes ranked (N ± z √Var S) / 2 of N, rounded
 * (Gilbert 1987, section 16.5; Hollander and Wolfe 1999, section 9.3). Kendall's variance is corrected for ties in x and y.
 *
 * @param x - in any order, e.g. seconds. Large offsets (Unix time) cost digits of the intercept only
 * @param y - as many as x
 * @param confidence - of the interval, in (0, 1)
 * @param scratch - room for n(n-1)/2 slopes, to save the allocation
 * @returns all NaN for fewer than two different x and for a NaN among the points; an interval of ±Infinity where n is too
 *   small for the confidence asked for (95 % needs 5 points)
 * @throws RangeError for more than `kMaxTheilSenPoints`
 */
export function theilSen(x: Float64Array, y: Float64Array, confidence = 0.95, scratch?: Float64Array): RobustLine {
  const n = x.length
  if (n > kMaxTheilSenPoints) throw new RangeError(`theilSen takes at most ${kMaxTheilSenPoints} points, not ${n}`)
  const slopes = scratch ?? new Float64Array((n * (n - 1)) / 2)
  let count = 0
  for (let i = 0; i < n; i++)
    for (let j = i + 1; j < n; j++) {
      const run = x[j]! - x[i]!
      if (run !== 0) slopes[count++] = (y[j]! - y[i]!) / run
    }
  const slope = medianInPlace(slopes, count)
  if (Number.isNaN(slope)) return { slope: Number.NaN, intercept: Number.NaN, low: Number.NaN, high: Number.NaN }
  const variance = kendallVariance(n, tiesOf(Float64Array.from(x).sort()), tiesOf(Float64Array.from(y).sort()))
  const spread = -normalQuantile((1 - confidence) / 2) * Math.sqrt(variance)
  const below = Math.round((count - spread) / 2) - 1
  const above = Math.round((count + spread) / 2)
  const low = below < 0 ? Number.NEGATIVE_INFINITY : selectInPlace(slopes, below, 0, count)
  const high = above >= count ? Number.POSITIVE_INFINITY : selectInPlace(slopes, above, 0, count)
  for (let i = 0; i < n; i++) slopes[i] = y[i]! - slope * x[i]!
  return { slope, intercept: medianInPlace(slopes, n), low, high }
}
