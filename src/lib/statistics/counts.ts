import { betaOf } from './beta.js'
import { logGamma, lowerGamma, upperGamma } from './gamma.js'

// Tails of counts: how likely is a count this high, or this low, by chance? All are P(X >= k) or P(X <= k), with relative
// accuracy where they are small. k is rounded up (at least) or down (at most) to a whole number; NaN for bad parameters.

/** From this size on a negative binomial is taken as its limit, a Poisson distribution: mean²/size no longer shows in a double. */
const kPoissonFromSize = 1e9
/** A term this much smaller than the sum no longer shows in it. */
const kEpsilon = 2 ** -53

/** P(X >= k) for a Poisson count with this mean >= 0: the regularised gamma P(k, mean) (Johnson, Kemp and Kotz 2005, section 4.5). */
export function poissonAtLeast(k: number, mean: number): number {
  if (!(mean >= 0) || Number.isNaN(k)) return Number.NaN
  return k <= 0 ? 1 : lowerGamma(Math.ceil(k), mean)
}

/** P(X <= k) for a Poisson count: Q(k + 1, mean). */
export function poissonAtMost(k: number, mean: number): number {
  if (!(mean >= 0) || Number.isNaN(k)) return Number.NaN
  return k < 0 ? 0 : upperGamma(Math.floor(k) + 1, mean)
}

/**
 * P(X >= k) for a negative binomial count: a Poisson count whose rate itself varies as a gamma with shape `size`; its variance
 * is mean + mean²/size. I_q(k, size) with q = mean / (mean + size) (Johnson, Kemp and Kotz 2005, section 5.6).
 * `size` > 0 need not be whole; Infinity is Poisson.
 */
export function negativeBinomialAtLeast(k: number, mean: number, size: number): number {
  if (!(mean >= 0 && size > 0) || Number.isNaN(k)) return Number.NaN
  if (size >= kPoissonFromSize) return poissonAtLeast(k, mean)
  return k <= 0 ? 1 : betaOf(mean / (mean + size), size / (mean + size), Math.ceil(k), size)
}

/** P(X <= k) for a negative binomial count; parameters as above. */
export function negativeBinomialAtMost(k: number, mean: number, size: number): number {
  if (!(mean >= 0 && size > 0) || Number.isNaN(k)) return Number.NaN
  if (size >= kPoissonFromSize) return poissonAtMost(k, mean)
  return k < 0 ? 0 : betaOf(size / (mean + size), mean / (mean + size), size, Math.floor(k) + 1)
}

/** P(X >= k) of n independent trials that each succeed with probability p: I_p(k, n - k + 1) (Abramowitz and Stegun 26.5.24). */
export function binomialAtLeast(k: number, n: number, p: number): number {
  if (!(n >= 0 && p >= 0 && p <= 1) || Number.isNaN(k)) return Number.NaN
  const least = Math.ceil(k)
  if (least <= 0) return 1
  return least > n ? 0 : betaOf(p, 1 - p, least, n - least + 1)
}

/** P(X <= k) of n trials. */
export function binomialAtMost(k: number, n: number, p: number): number {
  return binomialAtLeast(n - Math.floor(k), n, 1 - p)
}

/**
 * P(X >= k) marked ones among `draws` drawn without replacement from `population`, of which `marked` are: Fisher's exact test,
 * one-sided (Fisher 1935). Terms are summed from k outwards by their ratio until they no longer show; the first is exact to
 * 1e-10 at a population of 1e6. Whole numbers, 0 <= marked, draws <= population; NaN otherwise.
 */
export function hypergeometricAtLeast(k: number, population: number, marked: number, draws: number): number {
  if (!(marked >= 0 && draws >= 0 && marked <= population && draws <= population) || Number.isNaN(k)) return Number.NaN
  const least = Math.max(Math.ceil(k), 0)
  const lowest = Math.max(0, draws + marked - population)
  const highest = Math.min(marked, draws)
  if (least <= lowest) return 1
  if (least > highest) return 0
  // The smaller side is summed: 1 minus it loses nothing.
  const upper = least > (draws * marked) / population
  let at = upper ? least : least - 1
  let term = Math.exp(logChoose(marked, at) + logChoose(population - marked, draws - at) - logChoose(population, draws))
  let sum = 0
  while (at >= lowest && at <= highest && term > sum * kEpsilon) {
    sum += term
    const others = population - marked - draws
    if (upper) term *= ((marked - at) * (draws - at)) / ((at + 1) * (others + at + 1))
    else term *= (at * (others + at)) / ((marked - at + 1) * (draws - at + 1))
    at += upper ? 1 : -1
  }
  return upper ? Math.min(sum, 1) : Math.max(1 - sum, 0)
}

function logChoose(n: number, k: number): number {
  return logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1)
}
