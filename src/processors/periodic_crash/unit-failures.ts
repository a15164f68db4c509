import { kMaxRuns } from '../../lib/patterns/detection-event.js'
import type { Unit, UnitSignal } from '../../lib/patterns/detector.js'
import { FailureEpisodes } from '../../lib/patterns/failure-episodes.js'
import { DoubleRing } from '../../lib/statistics/double-ring.js'
import { kMaxPeriodTimes } from '../../lib/statistics/periodicity.js'
import type { OpenPeriod } from './open-period.js'

/** The newest failures of one unit: 0.5 KB of times, and the runs that a finding names. */
export class UnitFailures {
  unit: Unit
  open: OpenPeriod | undefined
  /** Steady milliseconds, ascending. */
  readonly times = new DoubleRing(kMaxPeriodTimes)
  runs: string[] = []
  readonly #episodes = new FailureEpisodes()

  constructor(unit: Unit) {
    this.unit = unit
  }

  /** Whether it is a failure, and not one that repeats another. */
  take(signal: UnitSignal): boolean {
    this.unit = signal.unit
    if (!this.#episodes.take(signal)) return false
    // Told late (history of a gap) it would stand before others: too late to be of use.
    if (signal.atMs <= (this.times.at(-1) ?? Number.NEGATIVE_INFINITY)) return false
    this.times.push(signal.atMs)
    if (signal.invocationId !== '') {
      this.runs.push(signal.invocationId)
      if (this.runs.length > kMaxRuns) this.runs.shift()
    }
    return true
  }
}
