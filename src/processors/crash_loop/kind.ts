import { medianInPlace } from '../../lib/statistics/robust.js'
import type { Crash } from './crash.js'

export const loopKinds = ['rapid', 'consecutive_failures', 'escalating', 'slow', 'start_limit'] as const
export type Kind = (typeof loopKinds)[number]

export interface Limits {
  /** Crashes. */
  readonly threshold: number
  readonly windowMs: number
  readonly slowMs: number
}

const kRapidMs = 30_000
/** By how much each of three intervals in a row must grow: systemd doubles them where it has few steps, and takes 1.4 for ten. */
const kGrowth = 1.3
/** Shorter waiting times may grow by what the scheduler adds: RestartSec=100ms takes 137 to 322 ms. */
const kLeastWaitMs = 1000
/** Crashes that make a slow loop, or one more than the threshold: two intervals are alike too often. */
const kLeastSlow = 4

/** So many times the threshold within so many times `slow_interval` are a loop without any order. */
export const kFlaps = 2

/**
 * What kind of loop they are, none for no loop.
 *
 * @param crashes - those that count, oldest first
 */
export function kindOf(crashes: readonly Crash[], { threshold, windowMs, slowMs }: Limits): Kind | undefined {
  const newest = crashes.at(-1)
  if (newest === undefined) return undefined
  const close = crashes.filter(({ atMs }) => newest.atMs - atMs < windowMs)
  if (close.length >= threshold) {
    if (isBackOff(close)) return 'escalating'
    return median(intervals(close)) < kRapidMs ? 'rapid' : 'consecutive_failures'
  }
  return kindOfSlow(crashes, threshold, windowMs, slowMs)
}

function kindOfSlow(crashes: readonly Crash[], threshold: number, windowMs: number, slowMs: number): Kind | undefined {
  // Only what systemd restarts by itself is a loop of its own: a timer's job that fails each time is not.
  const from = crashes.findLastIndex(({ restarted }, at) => !restarted && at < crashes.length - 1) + 1
  const linked = crashes.slice(from)
  const between = intervals(linked)
  const chain = between.slice(between.findLastIndex((ms) => ms > slowMs) + 1)
  if (chain.length < Math.max(kLeastSlow - 1, threshold)) return undefined
  // What the window will see needs no other look.
  if (Math.max(...chain.slice(-3)) * (threshold - 1) < windowMs) return undefined
  if (isBackOff(linked.slice(-chain.length - 1)) || grows(chain)) return 'escalating'
  if (isRegular(chain)) return 'slow'
  // Without any order it takes more of them: one that crashes twelve times a day does that once a year.
  const often = linked.slice(-kFlaps * threshold)
  const isOften = often.length === kFlaps * threshold && often.at(-1)!.atMs - often[0]!.atMs < kFlaps * slowMs
  return isOften ? 'consecutive_failures' : undefined
}

/** Waiting times that grow from restart to restart (RestartSteps=): runs may be as long as they like. */
function isBackOff(crashes: readonly Crash[]): boolean {
  const waited = crashes.map(({ waitedMs }) => waitedMs).filter((ms) => !Number.isNaN(ms))
  return waited.length >= 3 && waited.at(-1)! >= kLeastWaitMs && grows(waited)
}

/** The last three. */
function grows(ms: readonly number[]): boolean {
  const [a = 0, b = 0, c = 0] = ms.slice(-3)
  return b >= a * kGrowth && c >= b * kGrowth
}

/**
 * Of intervals by chance (exponential) three lie within a factor of 1.6 of each other in 5 % of cases, four within 2 in 3 %, five
 * within 3 in 4 % (n * integral of e^-x (e^-x - e^-rx)^(n-1)).
 */
const kLooked = [1.6, 2, 3] as const

function isRegular(between: readonly number[]): boolean {
  return kLooked.some((factor, more) => {
    const last = between.slice(-3 - more)
    return last.length === 3 + more && Math.max(...last) <= factor * Math.min(...last)
  })
}

export function intervals(crashes: readonly Crash[]): number[] {
  return crashes.slice(1).map(({ atMs }, at) => atMs - crashes[at]!.atMs)
}

export function median(values: readonly number[]): number {
  return medianInPlace(Float64Array.from(values))
}
