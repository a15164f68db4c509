import { regularisedBeta } from '../statistics/beta.js'
import { binomialAtLeast } from '../statistics/counts.js'
import { mannKendall } from '../statistics/mann-kendall.js'
import { medianInPlace } from '../statistics/robust.js'
import { theilSen } from '../statistics/theil-sen.js'
import { kWindows } from './minima-pyramid.js'

/** A series that rises steadily, slopes per window. */
export interface SteadyRise {
  readonly slope: number
  /** 95 % interval: Sen's, or that of a walk with drift where it is wider. */
  readonly low: number
  readonly high: number
  /** Value of the line at the last window. */
  readonly level: number
  /** One-sided, Mann-Kendall: as much of a rise by chance, if windows had nothing to do with each other. */
  readonly pTrend: number
  /** The same if the series were a random walk, which has trends all the time. */
  readonly pWalk: number
  /** By how much the series strays from its line within one window, as a walk does: in n windows √n times as far. */
  readonly stray: number
}

/** Fewer than these are no series. */
export const kMinWindows = 8
const kBlocks = 4
/** Share of the mean growth that each quarter must show at least; the last one more: growth that ends is no leak. */
const kBlockShare = 0.4
const kLastBlockShare = 0.8
/**
 * Minima of neighbouring windows of a random walk share some of its path: of a million windows of 6 to 600 steps, steps from one to
 * the next correlated by 0.16 to 0.19, so the variance of their mean is 1.38 times as large, and 57 % had the sign of the one before.
 */
const kWalkInflation = 1.5
const kWalkSame = 0.6

// Scratch space of one thread; nothing is made per test but what the statistics need.
const steps = new Float64Array(kWindows)
const block = new Float64Array(kWindows)
const blockY = new Float64Array(kBlocks)
const blockX = new Float64Array(kBlocks)
const slopes = new Float64Array((kWindows * (kWindows - 1)) / 2)

/**
 * The rise of a series of at most 32 windows, if it is one: it goes on through all four quarters, the last no less than the others.
 * Cheap where it does not rise at all; whether chance explains it is for the caller to say, by the p-values.
 *
 * @param x - window numbers, ascending
 * @param least - growth from the first quarter to the last that is worth the name, in units of y
 */
export function steadyRise(x: Float64Array, y: Float64Array, n: number, least: number): SteadyRise | undefined {
  if (n < kMinWindows || y[n - 1]! - y[0]! < least) return undefined
  if (!risesThroughout(x, y, n)) return undefined
  let sum = 0
  let ups = 0
  let moves = 0
  for (let i = 1; i < n; i++) {
    const step = y[i]! - y[i - 1]!
    steps[i - 1] = step
    sum += step
    if (step > 0) ups++
    if (step !== 0) moves++
  }
  const mean = sum / (n - 1)
  let squares = 0
  for (let i = 0; i < n - 1; i++) squares += (steps[i]! - mean) ** 2
  const variance = squares / (n - 2)
  const t = variance === 0 ? Number.POSITIVE_INFINITY : mean / Math.sqrt((kWalkInflation * variance) / (n - 1))
  // Two looks at the same series: the better one counts, at twice its price.
  const pWalk = Math.min(1, 2 * Math.min(studentTail(t, n - 2), binomialAtLeast(ups, moves, kWalkSame)))
  const yPart = y.subarray(0, n)
  const { slope, intercept, low, high } = theilSen(x.subarray(0, n), yPart, 0.95, slopes)
  const stray = Math.sqrt(longRunVariance(n - 1, mean, variance))
  const margin = (1.96 * stray) / Math.sqrt(n - 1)
  return {
    slope,
    low: Math.min(low, slope - margin),
    high: Math.max(high, slope + margin),
    level: intercept + slope * x[n - 1]!,
    pTrend: mannKendall(yPart).rising,
    pWalk,
    stray,
  }
}

function risesThroughout(x: Float64Array, y: Float64Array, n: number): boolean {
  for (let k = 0; k < kBlocks; k++) {
    const from = Math.floor((k * n) / kBlocks)
    const to = Math.floor(((k + 1) * n) / kBlocks)
    let sum = 0
    for (let i = from; i < to; i++) {
      sum += x[i]!
      block[i - from] = y[i]!
    }
    blockX[k] = sum / (to - from)
    blockY[k] = medianInPlace(block, to - from)
  }
  const mean = (blockY[kBlocks - 1]! - blockY[0]!) / (blockX[kBlocks - 1]! - blockX[0]!)
  if (!(mean > 0)) return false
  for (let k = 1; k < kBlocks; k++) {
    const rate = (blockY[k]! - blockY[k - 1]!) / (blockX[k]! - blockX[k - 1]!)
    if (rate < (k === kBlocks - 1 ? kLastBlockShare : kBlockShare) * mean) return false
  }
  return true
}

/**
 * Of the steps, with two lags (Newey and West 1987): noise around a line takes back what it gave, steps that come by chance do
 * not. A tenth of the plain variance at least.
 */
function longRunVariance(count: number, mean: number, variance: number): number {
  let sum = variance * count
  for (let lag = 1; lag <= 2; lag++) {
    let products = 0
    for (let i = lag; i < count; i++) products += (steps[i]! - mean) * (steps[i - lag]! - mean)
    sum += 2 * (1 - lag / 3) * products
  }
  return Math.max(sum / count, variance / 10)
}

/** P(T >= t) of Student's distribution. */
function studentTail(t: number, degrees: number): number {
  if (t === Number.POSITIVE_INFINITY) return 0
  const half = 0.5 * regularisedBeta(degrees / (degrees + t * t), degrees / 2, 0.5)
  return t >= 0 ? half : 1 - half
}
