/** Makes the median absolute deviation of a normal sample its standard deviation: 1 / Φ⁻¹(3/4). */
export const kMadToSigma = 1.482602218505602

/**
 * Puts the k-th smallest (from 0) of `values[from..to)` at its sorted place, smaller ones before it and larger behind, and
 * returns it. Quickselect (Hoare 1961) with the middle as pivot; after 2 log₂ n poor splits the rest is sorted, so no input
 * costs more than O(n log n) (Musser 1997). No NaN allowed: order with them is undefined.
 */
export function selectInPlace(values: Float64Array, k: number, from = 0, to = values.length): number {
  let left = from
  let right = to - 1
  let budget = 2 * Math.log2(Math.max(right - left, 1)) + 4
  while (left < right) {
    if (budget-- <= 0) {
      values.subarray(left, right + 1).sort()
      break
    }
    const pivot = values[(left + right) >>> 1]!
    let i = left
    let j = right
    while (i <= j) {
      while (values[i]! < pivot) i++
      while (values[j]! > pivot) j--
      if (i > j) break
      const swapped = values[i]!
      values[i] = values[j]!
      values[j] = swapped
      i++
      j--
    }
    if (k <= j) right = j
    else if (k >= i) left = i
    else break
  }
  return values[k]!
}

/**
 * The p-quantile (0 <= p <= 1) of the first `n` values, which are reordered: interpolated linearly between the order
 * statistics around (n - 1) p, definition 7 of Hyndman and Fan (1996), as in R, NumPy and Excel. O(n), nothing allocated.
 * NaN for no values, for a NaN among them, and for p outside its range.
 */
export function quantileInPlace(values: Float64Array, p: number, n = values.length): number {
  if (n === 0 || !(p >= 0 && p <= 1)) return Number.NaN
  for (let i = 0; i < n; i++) if (Number.isNaN(values[i]!)) return Number.NaN
  const position = (n - 1) * p
  const below = Math.floor(position)
  const low = selectInPlace(values, below, 0, n)
  const share = position - below
  if (share === 0) return low
  let high = values[below + 1]!
  for (let i = below + 2; i < n; i++) if (values[i]! < high) high = values[i]!
  // Infinities of one sign: their difference would be NaN.
  return low === high ? low : low + share * (high - low)
}

/** The median of the first `n` values, which are reordered. NaN for none and for a NaN among them. */
export function medianInPlace(values: Float64Array, n = values.length): number {
  return quantileInPlace(values, 0.5, n)
}

/**
 * Median absolute deviation from `center` (Hampel 1974), not scaled: times `kMadToSigma` it estimates the standard deviation
 * of normal data, and half of the values may be anything. The first `n` values are overwritten. NaN as `quantileInPlace`.
 */
export function madInPlace(values: Float64Array, center: number, n = values.length): number {
  for (let i = 0; i < n; i++) values[i] = Math.abs(values[i]! - center)
  return quantileInPlace(values, 0.5, n)
}
