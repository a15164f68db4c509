import type { RawEvent } from '../../data/event.js'
import type { Detector, DetectorContext, OpenFinding, UnitSignal } from '../../lib/patterns/detector.js'
import { LocalTime } from '../../lib/patterns/local-time.js'
import { restoreUnits } from '../../lib/patterns/restored-units.js'
import type { SavedState } from '../../lib/patterns/saved-state.js'
import { UnitTable } from '../../lib/patterns/unit-table.js'
import type { Pausable } from '../../util/pausable.js'
import { dayCluster, hourCluster, inDays, inHours } from './clusters.js'
import { cronJob } from './cron.js'
import { clearedWords, dayWords, hourWords, jobWords, type Kind, type Said } from './findings.js'
import { isAtLag } from './followers.js'
import { type Job, Jobs } from './jobs.js'
import { OpenPattern } from './open-pattern.js'
import { readJob, readUnit, type SavedJob, type SavedUnit, savedJob, savedUnit } from './saved.js'
import { UnitTimes } from './unit-times.js'

export interface TimePatternLimits {
  readonly timeZone?: string
  /** Per failure. */
  readonly falseAlarmRate: number
  readonly minFailures: number
  readonly maxLagMs: number
  readonly maxJobs: number
  readonly maxUnits: number
}

/** How long units ran is added up so often: so that a clock that is set, or a night in suspend, shifts no more than that. */
const kCountMs = 3_600_000
const kDayMs = 86_400_000
/** A pattern of hours is not over before a week went by without it, one of days before four. */
const kLeastSilenceMs = { hour_of_day: 7 * kDayMs, day_of_week: 28 * kDayMs, after_job: kDayMs } as const
/** A window of an hour or two found in few failures is a little wider in truth. */
const kHourSlack = 0.5
const kKinds: readonly Kind[] = ['hour_of_day', 'day_of_week', 'after_job']

/** Hours, days and jobs after which units fail: bounded in units, failures of each, and jobs. */
export class TimePatternDetector implements Detector {
  readonly #limits: TimePatternLimits
  readonly #context: DetectorContext
  readonly #local: LocalTime
  readonly #units: UnitTable<UnitTimes>
  readonly #open = new Set<UnitTimes>()
  readonly #jobs: Jobs
  #countDueMs: number | undefined
  dueMs: number | undefined

  constructor(limits: TimePatternLimits, context: DetectorContext) {
    this.#limits = limits
    this.#context = context
    this.#local = new LocalTime(limits.timeZone)
    this.#jobs = new Jobs(limits.maxJobs)
    this.#units = new UnitTable(
      limits.maxUnits,
      (forgotten) => {
        this.#open.delete(forgotten)
        context.evicted()
      },
      ({ isOpen }) => isOpen,
    )
  }

  get open(): number {
    let count = 0
    for (const { open } of this.#open) for (const kind of kKinds) if (open[kind] !== undefined) count++
    return count
  }

  *openFindings(): Generator<OpenFinding> {
    for (const { unit, open } of this.#open)
      for (const kind of kKinds) if (open[kind] !== undefined) yield { unit, kind }
  }

  /** Cron tells of its jobs in the journal. */
  event(event: RawEvent, atMs: number): void {
    const job = cronJob(event)
    if (job !== undefined) this.#jobs.started(job, atMs)
  }

  signal(signal: UnitSignal): void {
    const { unit, kind, atMs, quiet } = signal
    if (kind === 'started' && quiet === undefined && unit.name.endsWith('.service')) this.#jobs.started(unit.name, atMs)
    let known = this.#units.peek(unit.key)
    if (known === undefined) {
      // A unit that never fails needs no memory.
      if (kind !== 'failed') return
      known = new UnitTimes(unit, this.#local)
      this.#units.set(unit.key, known)
      if (this.#countDueMs === undefined) this.#schedule(atMs)
    }
    const unixMs = this.#unixMs(atMs)
    const beforeMs = known.failures.at(-1) ?? Number.NEGATIVE_INFINITY
    if (!known.take(signal, unixMs, this.#jobs)) return
    this.#units.get(unit.key)
    known.followers.failed(atMs, beforeMs, this.#jobs, this.#limits.maxLagMs, unit.name)
    // The first failure only begins the count of how long it runs: evidence and exposure must be of one time.
    if (beforeMs !== Number.NEGATIVE_INFINITY && known.takeMoment(atMs, unixMs)) this.#lookAtTime(known, signal, unixMs)
    this.#lookAtJobs(known, signal)
    this.#schedule()
  }

  elapse(nowMs: number): void {
    if (this.#countDueMs !== undefined && this.#countDueMs <= nowMs) {
      const unixMs = this.#unixMs(nowMs)
      for (const known of this.#units.values()) known.count(nowMs, unixMs, false, this.#jobs)
      this.#countDueMs = nowMs + kCountMs
    }
    for (const known of this.#open)
      for (const kind of kKinds) {
        const open = known.open[kind]
        open?.isNow(nowMs)
        if (open !== undefined && open.dueMs <= nowMs) this.#clear(known, kind, 'quiet', open.dueMs)
      }
    this.#schedule()
  }

  #lookAtTime(known: UnitTimes, signal: UnitSignal, unixMs: number): void {
    const moment = this.#local.at(unixMs)
    const { hour_of_day: hours, day_of_week: days } = known.open
    if (hours !== undefined) {
      const { fromHour, untilHour } = hours.detail
      const fits = inHours(moment.hour, (fromHour - kHourSlack + 24) % 24, (untilHour + kHourSlack) % 24)
      this.#follow(known, 'hour_of_day', hours, signal, fits)
    } else {
      const found = this.#sure(hourCluster(known.localMoments(), known.exposure.byHour()))
      if (found !== undefined) this.#detect(known, 'hour_of_day', found, found.count, signal, known.momentsMs.at(0)!)
    }
    if (days !== undefined) this.#follow(known, 'day_of_week', days, signal, inDays(moment.weekday, days.detail))
    else {
      const found = this.#sure(dayCluster(known.localMoments(), known.exposure.byDay()))
      if (found !== undefined) this.#detect(known, 'day_of_week', found, found.count, signal, known.momentsMs.at(0)!)
    }
  }

  #lookAtJobs(known: UnitTimes, signal: UnitSignal): void {
    const open = known.open.after_job
    if (open !== undefined) {
      const lagMs = this.#jobs.get(open.detail.job)?.lagAt(signal.atMs)
      this.#follow(known, 'after_job', open, signal, lagMs !== undefined && isAtLag(lagMs, open.detail))
      return
    }
    const found = this.#sure(known.followers.find(known.alwaysRuns, this.#jobs))
    if (found !== undefined) this.#detect(known, 'after_job', found, found.count, signal, known.failures.at(0)!)
  }

  /** Enough failures, and not by chance. */
  #sure<T extends { readonly count: number; readonly pValue: number }>(found: T | undefined): T | undefined {
    const { falseAlarmRate, minFailures } = this.#limits
    return found !== undefined && found.count >= minFailures && found.pValue <= falseAlarmRate ? found : undefined
  }

  #detect<T extends object>(
    known: UnitTimes,
    kind: Kind,
    detail: T,
    fits: number,
    signal: UnitSignal,
    firstMs: number,
  ): void {
    const usualGapMs = (signal.atMs - firstMs) / Math.max(fits - 1, 1)
    const open = new OpenPattern(detail, fits, signal.atMs, usualGapMs, kLeastSilenceMs[kind])
    Object.assign(known.open, { [kind]: open })
    this.#open.add(known)
    this.#tell('detected', known, kind, this.#said(known, kind), signal.atMs, signal)
  }

  #follow<T>(known: UnitTimes, kind: Kind, open: OpenPattern<T>, signal: UnitSignal, fits: boolean): void {
    if (!open.take(signal.atMs, fits)) {
      this.#clear(known, kind, 'irregular', signal.atMs, signal)
      return
    }
    if (!open.isNews) return
    this.#refresh(known, kind)
    open.told()
    this.#tell('updated', known, kind, this.#said(known, kind), signal.atMs, signal)
  }

  /** What is told again is what is so now. */
  #refresh(known: UnitTimes, kind: Kind): void {
    const { open } = known
    const moments = known.localMoments()
    if (kind === 'hour_of_day' && open.hour_of_day !== undefined)
      open.hour_of_day.detail = this.#sure(hourCluster(moments, known.exposure.byHour())) ?? open.hour_of_day.detail
    if (kind === 'day_of_week' && open.day_of_week !== undefined)
      open.day_of_week.detail = this.#sure(dayCluster(moments, known.exposure.byDay())) ?? open.day_of_week.detail
    const after = open.after_job
    if (kind !== 'after_job' || after === undefined) return
    const found = this.#sure(known.followers.find(known.alwaysRuns, this.#jobs))
    if (found?.job === after.detail.job) after.detail = found
  }

  #said(known: UnitTimes, kind: Kind): Said {
    const { open, unit } = known
    switch (kind) {
      case 'hour_of_day':
        return hourWords(unit.name, open.hour_of_day!.detail, this.#local.zone)
      case 'day_of_week':
        return dayWords(unit.name, open.day_of_week!.detail, this.#local.zone)
      case 'after_job':
        return jobWords(unit.name, open.after_job!.detail)
    }
  }

  #clear(known: UnitTimes, kind: Kind, why: 'quiet' | 'irregular', atMs: number, signal?: UnitSignal): void {
    const said = clearedWords(known.unit.name, kind, this.#said(known, kind), why)
    known.open[kind] = undefined
    if (!known.isOpen) this.#open.delete(known)
    // The old failures would make it found again.
    if (kind === 'after_job') known.followers.byJob.clear()
    else known.forgetMoments()
    this.#tell('cleared', known, kind, said, atMs, signal)
  }

  #tell(
    phase: 'detected' | 'updated' | 'cleared',
    { unit, runs }: UnitTimes,
    kind: Kind,
    said: Said,
    atMs: number,
    signal?: UnitSignal,
  ): void {
    const by = signal === undefined ? {} : { run: signal.invocationId, cause: signal.event }
    this.#context.tell({ phase, unit, kind, atMs, ...said, runs, ...by })
  }

  /** @param nowMs - where counting begins */
  #schedule(nowMs?: number): void {
    if (nowMs !== undefined) this.#countDueMs = nowMs + kCountMs
    let dueMs = this.#countDueMs
    for (const { open } of this.#open)
      for (const kind of kKinds) {
        const openDueMs = open[kind]?.dueMs
        if (openDueMs !== undefined && (dueMs === undefined || openDueMs < dueMs)) dueMs = openDueMs
      }
    this.dueMs = dueMs
  }

  #unixMs(atMs: number): number {
    return Number(this.#context.unixNano(atMs)) / 1e6
  }

  save(): SavedState {
    return { jobs: this.#jobs.all().map((job) => savedJob(job, this.#context)), units: this.#savedUnits() }
  }

  *#savedUnits(): Generator<SavedUnit> {
    for (const [, known] of this.#units.snapshot()) yield savedUnit(known, this.#context)
  }

  *restore(saved: unknown): Pausable<void> {
    const { jobs } = saved as { readonly jobs: readonly SavedJob[] }
    const read: Job[] = []
    for (const job of jobs) {
      read.push(readJob(job, this.#context))
      yield
    }
    yield* restoreUnits<SavedUnit, UnitTimes>(saved, {
      read: (one) => readUnit(one, this.#local, this.#context),
      keyOf: ({ unit }) => unit.key,
      take: (known) => {
        this.#units.set(known.unit.key, known)
        if (known.isOpen) this.#open.add(known)
        // From the first record on: when that is, is not known yet.
        this.#countDueMs = Number.NEGATIVE_INFINITY
        this.dueMs = Number.NEGATIVE_INFINITY
      },
      max: this.#limits.maxUnits,
    })
    for (const job of read) {
      this.#jobs.add(job)
      yield
    }
  }
}
