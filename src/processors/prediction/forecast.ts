import type { Attributes } from '../../data/attributes.js'
import type { Unit } from '../../lib/patterns/detector.js'

export const subjects = ['memory', 'tasks', 'disk', 'failure'] as const
/** What runs out, or happens again. */
export type Subject = (typeof subjects)[number]

export const bases = ['memory_leak', 'periodic_crash', 'growth'] as const
/** The pattern it follows from; `growth` where nothing else has found one. */
export type Basis = (typeof bases)[number]

/** Something that will happen: steady milliseconds. */
export interface Forecast {
  readonly unit: Unit
  readonly subject: Subject
  readonly basis: Basis
  /** When it was made. */
  readonly atMs: number
  readonly likelyMs: number
  /** Between these in 19 of 20 cases, if nobody intervenes. */
  readonly earliestMs: number
  readonly latestMs: number
  readonly confidence: number
  /** The run it is about, a trace ID; empty for the machine. */
  readonly run: string
  /** What is known beside the time. */
  readonly more: Attributes
  /** Of failures that come again and again; 0 for what happens once. */
  readonly periodMs: number
  /** They come at times of a clock, not each a while after the one before. */
  readonly byClock: boolean
}

/**
 * How it came out: it happened, in its time or before; it did not; no agent ran when it was due; what it follows from has ended;
 * somebody stopped the unit, or started it again.
 */
export type Outcome = 'met' | 'early' | 'not_met' | 'unseen' | 'withdrawn' | 'stopped' | 'restarted'

/** Times at which nothing came, in a row, before failures are no longer expected: as periodic_crash has it. */
const kMaxMissed = 3

/** When it has not come for certain. */
export function overMs({ latestMs, periodMs }: Forecast): number {
  return latestMs + (kMaxMissed - 1) * periodMs
}

/** Half of the time is gone, or it will be at another time than was said. */
export function isNews(before: Forecast, now: Forecast): boolean {
  return (
    now.likelyMs - now.atMs <= (before.likelyMs - before.atMs) / 2 ||
    now.likelyMs < before.earliestMs ||
    now.likelyMs > before.latestMs
  )
}

/**
 * The next time, counted from when it happened; by the clock, where some may have been left out, from half way between that and when
 * it was due: what is off by chance comes back, and what has moved is followed.
 */
export function after(forecast: Forecast, atMs: number): Forecast {
  const { periodMs, likelyMs, earliestMs, latestMs, byClock } = forecast
  const dueMs = likelyMs + Math.max(0, Math.round((atMs - likelyMs) / periodMs)) * periodMs
  const next = (byClock ? (dueMs + atMs) / 2 : atMs) + periodMs
  return {
    ...forecast,
    atMs,
    likelyMs: next,
    earliestMs: next - (likelyMs - earliestMs),
    latestMs: next + (latestMs - likelyMs),
  }
}
