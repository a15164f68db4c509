import { setImmediate as nextTurn } from 'node:timers/promises'
import type { CgroupPass } from '../../binding/cgroup-source.js'
import type { Consumer, Settings } from '../../component/component.js'
import { batchOf } from '../../data/batch.js'
import type { Metric } from '../../data/metric.js'
import { PointsUnderWay } from '../../lib/delivery/points-under-way.js'
import { leftOut } from '../../util/series-budget.js'
import type { LastNumbers } from './last-numbers.js'
import { sampleMetrics } from './sample-metrics.js'
import { SliceLimits } from './slice-limits.js'
import { before, type Subject, type Subjects, startOf } from './subjects.js'

/** A slice is made of cgroups until so much time is over, and the event loop has its turn. */
const kSliceMs = 0.25
/** Or so many points: about as long in each exporter. */
const kSlicePoints = 1024

/** Of a unit without block devices, everything but `memory_local` and `state` on. */
const kUsualSeries = 44

/** What is made of some readings in one turn of the event loop. */
interface Slice {
  /** Of the readings in it, the one after the last. */
  end: number
  points: number
  /** Of cgroups that ended. */
  readonly last: Metric[]
  readonly metrics: Metric[]
  readonly told: { readonly subject: Subject; readonly readNs: bigint }[]
}

export interface SlicesOptions {
  readonly settings: Settings
  readonly next: Consumer
  readonly subjects: Subjects
  /** Points a reading may have; 0 for no limit. */
  readonly maxSeries: number
  /** Where numbers go that were refused. */
  readonly refused: LastNumbers
}

/** Hands a pass on as metrics, slice by slice. */
export class Slices {
  readonly #options: SlicesOptions
  readonly #limits = new SliceLimits()
  /** Measured, and over the limit. */
  #leftOut: ReadonlySet<Subject> = new Set()

  constructor(options: SlicesOptions) {
    this.#options = options
  }

  get leftOut(): number {
    return this.#leftOut.size
  }

  /** A new reader has taken over. */
  restart(): void {
    this.#limits.clear()
  }

  /** Resolves when all that was handed on is answered; rejects with the first failure, and then hands on no more. */
  async emit(pass: CgroupPass, nowNs: bigint, stopping: AbortSignal): Promise<void> {
    const { maxSeries, subjects } = this.#options
    if (maxSeries > 0) this.#leftOut = leftOut([...subjects.values()], maxSeries, kUsualSeries)
    const underWay = new PointsUnderWay()
    for (let at = 0; at < pass.length && !stopping.aborted && !underWay.failed; ) {
      if (at > 0) await nextTurn()
      const slice = this.#slice(pass, at, nowNs)
      at = slice.end
      if (slice.points > 0) await underWay.add(slice.points, this.#send(slice))
    }
    await underWay.end()
  }

  /** Makes metrics of the readings from `from` on, until the slice is full. */
  #slice(pass: CgroupPass, from: number, nowNs: bigint): Slice {
    const { settings, subjects } = this.#options
    const untilMs = settings.clock.monotonicMs() + kSliceMs
    const slice: Slice = { end: from, points: 0, last: [], metrics: [], told: [] }
    while (slice.end < pass.length && slice.points < kSlicePoints) {
      const { key, ended, ageMs, numbers } = pass.reading(slice.end++)
      const subject = subjects.get(key)
      if (subject === undefined || numbers === undefined || this.#leftOut.has(subject)) continue
      const readNs = before(nowNs, ageMs)
      const out = ended ? slice.last : slice.metrics
      this.#limits.note(subject, numbers, ended)
      subject.series = sampleMetrics(out, numbers, subject, readNs) + this.#limits.add(out, numbers, subject, readNs)
      slice.points += subject.series
      slice.told.push({ subject, readNs })
      if (settings.clock.monotonicMs() >= untilMs) break
    }
    return slice
  }

  async #send({ points, last, metrics, told }: Slice): Promise<void> {
    const { settings, next, refused } = this.#options
    settings.telemetry.processed({ metrics: points })
    const outcome = await next.consume(batchOf({ metrics: last.length === 0 ? metrics : [...last, ...metrics] }))
    if (outcome.kind === 'retryable') {
      // The next pass replaces the numbers of what lives on, so holding them back would only make both late.
      refused.drop(metrics)
      refused.keep(last)
      return
    }
    for (const { subject, readNs } of told) subject.since.startNs = startOf(subject.since, readNs)
  }
}
