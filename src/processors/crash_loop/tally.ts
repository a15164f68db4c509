import { kMaxRuns } from '../../lib/patterns/detection-event.js'
import { type Crash, kBriefMs, kUnseen } from './crash.js'
import { intervals } from './kind.js'
import { kMaxLooked } from './unit-history.js'

/** Ways to end that are told apart; a unit with more has its rest counted as `other`. */
export const kMaxResults = 16

/** What there is to count of the crashes of one loop. Times are steady milliseconds. */
export class Tally {
  count = 0
  /** Crashes that nobody told of. */
  unseen = 0
  /** Crashes of runs that had been up for half a minute or more. */
  flaps = 0
  firstMs = Number.POSITIVE_INFINITY
  /** The newest, by time. */
  readonly last: Crash[] = []
  /** How they ended, and how often. */
  readonly results = new Map<string, number>()
  /** Trace IDs, newest last. */
  readonly runs: string[] = []

  constructor(crashes: readonly Crash[] = []) {
    for (const crash of crashes) this.add(crash)
  }

  get lastMs(): number {
    return this.last.at(-1)!.atMs
  }

  /** Time between the last crashes: the longest of three. */
  get intervalMs(): number {
    return Math.max(0, ...intervals(this.last).slice(-3))
  }

  /** Between crashes that were seen, oldest first: of the others it is not known when they were. */
  get seenIntervals(): readonly number[] {
    const isSeen = (at: number): boolean => this.last[at]!.how !== kUnseen
    return intervals(this.last).filter((_, at) => isSeen(at) && isSeen(at + 1))
  }

  add(crash: Crash): void {
    this.count++
    if (crash.how === kUnseen) this.unseen++
    if (crash.upMs >= kBriefMs) this.flaps++
    this.firstMs = Math.min(this.firstMs, crash.atMs)
    let at = this.last.length
    while (at > 0 && this.last[at - 1]!.atMs > crash.atMs) at--
    this.last.splice(at, 0, crash)
    if (this.last.length > kMaxLooked) this.last.shift()
    const how = this.results.has(crash.how) || this.results.size < kMaxResults ? crash.how : 'other'
    this.results.set(how, (this.results.get(how) ?? 0) + 1)
    if (crash.run === '') return
    this.runs.push(crash.run)
    if (this.runs.length > kMaxRuns) this.runs.shift()
  }
}
