/**
 * Kuiper's statistic V = D⁺ + D⁻ of values on a circle of circumference 1 against the uniform distribution (Kuiper 1960): the
 * largest excess plus the largest lack of values, whatever the point at which the circle is cut open.
 * `shares` must be sorted, in [0, 1]. 0 for none.
 */
export function kuiperStatistic(shares: Float64Array): number {
  const n = shares.length
  let above = Number.NEGATIVE_INFINITY
  let below = Number.NEGATIVE_INFINITY
  for (let i = 0; i < n; i++) {
    above = Math.max(above, (i + 1) / n - shares[i]!)
    below = Math.max(below, shares[i]! - i / n)
  }
  return n === 0 ? 0 : above + below
}

/**
 * p of a Kuiper statistic this large: 2 Σ (4j²λ² - 1) exp(-2j²λ²) with λ = V (√n + 0.155 + 0.24/√n), the finite-sample form of
 * Stephens (1970), within 2 % of the exact p where that is below 0.1, for n >= 4. 1 for n = 0; NaN for NaN.
 */
export function kuiperTest(statistic: number, n: number): number {
  if (n === 0) return 1
  const root = Math.sqrt(n)
  const lambda = statistic * (root + 0.155 + 0.24 / root)
  // Below, p is 1 to 7 digits and the series converges slowly.
  if (lambda < 0.4) return 1
  let sum = 0
  for (let j = 1; j <= 20; j++) {
    const square = j * j * lambda * lambda
    const term = (4 * square - 1) * Math.exp(-2 * square)
    sum += term
    if (Math.abs(term) < Math.abs(sum) * 1e-16) break
  }
  return Math.min(1, Math.max(0, 2 * sum))
}

/**
 * Share of all exposure that lies before `position`: turns a time of day into a number that is uniform if events come at a
 * constant rate while there is exposure (probability integral transform). So a unit that runs from 9 to 5 is not told that it
 * fails by day.
 *
 * @param exposure - per bin of the circle, e.g. seconds observed per hour of the day; >= 0
 * @param position - in bins, [0, exposure.length); exposure is even within a bin
 * @returns in [0, 1]; NaN when there was no exposure at all
 */
export function exposureShare(exposure: Float64Array, position: number): number {
  const bin = Math.min(Math.floor(position), exposure.length - 1)
  let before = 0
  let total = 0
  for (let i = 0; i < exposure.length; i++) {
    if (i === bin) before = total + exposure[i]! * (position - bin)
    total += exposure[i]!
  }
  return total > 0 ? before / total : Number.NaN
}
