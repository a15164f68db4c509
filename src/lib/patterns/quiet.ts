import type { RawEvent } from '../../data/event.js'
import { event as names } from '../systemd/names.js'
import type { QuietReason, Unit } from './detector.js'

/** Readings and counters need about this long until they are of one time again. */
const kAfterStepMs = 60_000

/**
 * Knows from which times nothing may be concluded. Fed with every event that passes, in order, before anything is told to a
 * detector; times are steady milliseconds.
 */
export class Quiet {
  #gapUntilMs = Number.NEGATIVE_INFINITY
  #stepUntilMs = Number.NEGATIVE_INFINITY

  observe(event: RawEvent, atMs: number): void {
    if (event.name === names.gap || event.name === names.unfilledGap)
      this.#gapUntilMs = Math.max(this.#gapUntilMs, atMs)
  }

  /** The clock was set, or the machine slept. */
  stepped(nowMs: number): void {
    this.#stepUntilMs = nowMs + kAfterStepMs
  }

  reason(_unit: Unit, atMs: number): QuietReason | undefined {
    if (atMs <= this.#gapUntilMs) return 'gap'
    if (atMs <= this.#stepUntilMs) return 'suspend_or_clock_step'
    return undefined
  }
}
