/**
 * Sizes of groups of equal values and what Kendall's variance needs of them: Σt(t-1), Σt(t-1)(t-2), Σt(t-1)(2t+5).
 * `sorted` must be in order. All zero without ties.
 */
export interface Ties {
  readonly pairs: number
  readonly triples: number
  readonly weighted: number
}

export function tiesOf(sorted: Float64Array): Ties {
  let pairs = 0
  let triples = 0
  let weighted = 0
  for (let start = 0; start < sorted.length; ) {
    let end = start + 1
    while (end < sorted.length && sorted[end] === sorted[start]) end++
    const t = end - start
    pairs += t * (t - 1)
    triples += t * (t - 1) * (t - 2)
    weighted += t * (t - 1) * (2 * t + 5)
    start = end
  }
  return { pairs, triples, weighted }
}

/**
 * Variance of Kendall's S (concordant minus discordant pairs) of n independent pairs, corrected for ties on both sides
 * (Kendall 1970, Rank Correlation Methods, chapter 4). Without ties n(n-1)(2n+5)/18. 0 for n < 2.
 */
export function kendallVariance(n: number, x: Ties, y: Ties): number {
  if (n < 2) return 0
  const both = (x.pairs * y.pairs) / (2 * n * (n - 1))
  const triples = n < 3 ? 0 : (x.triples * y.triples) / (9 * n * (n - 1) * (n - 2))
  return (n * (n - 1) * (2 * n + 5) - x.weighted - y.weighted) / 18 + both + triples
}

/** Pairs for which the exact distribution is used: building it costs n³/6 additions, 4500 at 30. */
export const kMaxExactPairs = 30

/**
 * P(S >= s) of n <= `kMaxExactPairs` pairs without ties, all orders equally likely (Kendall 1970, appendix table 1).
 *
 * The number of orders with q inversions grows by one pair as a sum of shares of the former: Mahonian numbers, here as
 * probabilities. S = n(n-1)/2 - 2q. 1 for n < 2.
 */
export function kendallExactAtLeast(s: number, n: number): number {
  const most = (n * (n - 1)) / 2
  const inversions = Math.floor((most - s) / 2)
  if (inversions >= most) return 1
  if (inversions < 0) return 0
  // By symmetry; the smaller side is summed, 1 minus it loses nothing.
  if (inversions > most / 2) return 1 - kendallExactAtLeast(2 - most + 2 * inversions, n)
  const share = new Float64Array(inversions + 1)
  share[0] = 1
  for (let size = 2; size <= n; size++) {
    // Sums of `size` neighbours: running sums first, then their differences from the far end.
    for (let q = 1; q <= inversions; q++) share[q]! += share[q - 1]!
    for (let q = inversions; q >= 0; q--) share[q] = (share[q]! - (q < size ? 0 : share[q - size]!)) / size
  }
  let sum = 0
  for (const value of share) sum += value
  return Math.min(sum, 1)
}
