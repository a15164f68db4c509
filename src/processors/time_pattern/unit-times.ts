import { kMaxRuns } from '../../lib/patterns/detection-event.js'
import type { Unit, UnitSignal } from '../../lib/patterns/detector.js'
import { FailureEpisodes } from '../../lib/patterns/failure-episodes.js'
import { type LocalMoment, type LocalTime, momentOf } from '../../lib/patterns/local-time.js'
import { DoubleRing } from '../../lib/statistics/double-ring.js'
import type { DayCluster, HourCluster } from './clusters.js'
import { Exposure } from './exposure.js'
import { Followers, type Following } from './followers.js'
import type { Jobs } from './jobs.js'
import type { OpenPattern } from './open-pattern.js'

export const kMaxFailures = 64
/** Failures closer together are one piece of evidence for an hour or a day: an outage of an afternoon is one afternoon. */
const kOneCauseMs = 7_200_000
const kHourMs = 3_600_000
/** Of the time since it is known. */
const kAlways = 0.8

/** What is open for one unit, by kind. */
export interface OpenPatterns {
  hour_of_day?: OpenPattern<HourCluster> | undefined
  day_of_week?: OpenPattern<DayCluster> | undefined
  after_job?: OpenPattern<Following> | undefined
}

/** When one unit failed and when it ran: 3 KB at most, and lags after jobs. */
export class UnitTimes {
  unit: Unit
  readonly open: OpenPatterns = {}
  readonly exposure: Exposure
  readonly followers = new Followers()
  /** Steady milliseconds of all failures; and of those for hours and days, local hours since 1970 beside them. */
  readonly failures = new DoubleRing(kMaxFailures)
  readonly momentsMs = new DoubleRing(kMaxFailures)
  readonly moments = new DoubleRing(kMaxFailures)
  runs: string[] = []
  isUp = false
  /** A run was seen, and so it is known when it runs. */
  sawRuns = false
  /** Since when it is known. */
  bornMs = Number.NaN
  /** Until when it was added up how long it ran. */
  countedMs = Number.NaN
  readonly #episodes = new FailureEpisodes()
  readonly #local: LocalTime

  constructor(unit: Unit, local: LocalTime, exposure = new Exposure()) {
    this.unit = unit
    this.#local = local
    this.exposure = exposure
  }

  /**
   * Adds up how long it ran until `atMs`, and takes the signal.
   *
   * @param unixMs - what `signal.atMs` is on the wall clock
   * @returns whether it is a failure of its own
   */
  take(signal: UnitSignal, unixMs: number, jobs: Jobs): boolean {
    const { kind, atMs, invocationId } = signal
    this.unit = signal.unit
    this.count(atMs, unixMs, kind !== 'oom_killed', jobs)
    if (kind !== 'oom_killed') this.isUp = kind === 'started' || kind === 'restarted'
    this.sawRuns ||= this.isUp
    if (!this.#episodes.take(signal) || atMs <= (this.failures.at(-1) ?? Number.NEGATIVE_INFINITY)) return false
    this.failures.push(atMs)
    if (invocationId !== '') {
      this.runs.push(invocationId)
      if (this.runs.length > kMaxRuns) this.runs.shift()
    }
    return true
  }

  /** Whether the failure at `atMs` is evidence of its own for an hour and a day: then it is kept as that. */
  takeMoment(atMs: number, unixMs: number): boolean {
    if (atMs - (this.momentsMs.at(-1) ?? Number.NEGATIVE_INFINITY) < kOneCauseMs) return false
    this.momentsMs.push(atMs)
    this.moments.push((unixMs + this.#local.offsetMs(unixMs)) / kHourMs)
    return true
  }

  /** It has run until now, if it was up. */
  count(atMs: number, unixMs: number, ended: boolean, jobs: Jobs): void {
    if (this.isUp && atMs > this.countedMs) {
      this.exposure.add(unixMs, atMs - this.countedMs, this.#local)
      if (this.alwaysRuns) this.followers.forgetControls()
      else this.followers.ran(this.countedMs, atMs, ended, jobs)
    }
    if (!(atMs <= this.countedMs)) this.countedMs = atMs
    if (!(this.bornMs <= atMs)) this.bornMs = atMs
  }

  /** Nearly so: what starts only when a timer or a person says so, fails only then. */
  get alwaysRuns(): boolean {
    return !this.sawRuns || 1000 * this.exposure.total >= kAlways * (this.countedMs - this.bornMs)
  }

  localMoments(): readonly LocalMoment[] {
    return Array.from({ length: this.moments.length }, (_, i) => momentOf(this.moments.at(i)!))
  }

  /** A pattern is over: its failures would make it found again. */
  forgetMoments(): void {
    this.moments.clear()
    this.momentsMs.clear()
  }

  get isOpen(): boolean {
    const { hour_of_day, day_of_week, after_job } = this.open
    return hour_of_day !== undefined || day_of_week !== undefined || after_job !== undefined
  }
}
