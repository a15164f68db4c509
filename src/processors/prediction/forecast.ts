import type { Attributes } from '../../data/attributes.js'
import type { Unit } from '../../lib/patterns/detector.js'

/** What runs out, or happens again. */
export type Subject = 'memory' | 'tasks' | 'disk' | 'failure'

/** Something that will happen: steady milliseconds. */
export interface Forecast {
  readonly unit: Unit
  readonly subject: Subject
  /** The pattern it follows from; `growth` where nothing else has found one. */
  readonly basis: 'memory_leak' | 'periodic_crash' | 'growth'
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
 * How it came out: it happened, in its time or before; it did not; what it follows from has ended; somebody stopped the unit, or
 * started it again.
 */
export type Outcome = 'met' | 'early' | 'not_met' | 'withdrawn' | 'stopped' | 'restarted'
