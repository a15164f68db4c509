import { kMaxRuns } from '../../lib/patterns/detection-event.js'
import type { DetectorContext } from '../../lib/patterns/detector.js'
import type { LocalTime } from '../../lib/patterns/local-time.js'
import { isRun, isText, readUnitName, type SavedUnitName, savedUnitName } from '../../lib/patterns/saved-unit.js'
import type { DoubleRing } from '../../lib/statistics/double-ring.js'
import {
  isAscending,
  isCount,
  isShare,
  isSpan,
  kMaxPeriodMs,
  type ReadTimes,
  readTimes,
  savedTimes,
} from '../../lib/storage/saved-values.js'
import { Exposure, kWeekHours } from './exposure.js'
import { kMaxControls, kMaxFollowed, kMaxLags } from './followers.js'
import { Job, kMaxStarts } from './jobs.js'
import { OpenPattern, type SavedOpen } from './open-pattern.js'
import { kMaxFailures, UnitTimes } from './unit-times.js'

/** One job in the state file. Times are microseconds since 1970: steady time begins anew with the agent. */
export interface SavedJob {
  readonly name: string
  readonly starts: readonly number[]
  readonly count: number
  readonly since: number
}

/** One unit. */
export interface SavedUnit extends SavedUnitName {
  readonly key: string
  readonly isUp: boolean
  readonly sawRuns: boolean
  readonly born: number
  /** Seconds by hour of the week. */
  readonly exposure: readonly number[]
  readonly failures: readonly number[]
  readonly moments: readonly (readonly [usec: number, localHours: number])[]
  readonly runs: readonly string[]
  readonly after: Readonly<Record<string, SavedFollowed>>
  readonly open: Readonly<Record<string, SavedOpen<never> & { readonly lastFit: number }>>
}

interface SavedFollowed {
  readonly lags: readonly number[]
  readonly controls: readonly number[]
  readonly start: number
}

/** Of an hour of the week: one in which a unit ran for 3000 years. */
const kMaxExposure = 2 ** 40
/** A year: failures further apart have nothing to do with each other. */
const kMaxGapMs = 366 * 86_400_000
/** Hours since 1970: of local time, which may be before it where a clock shows nonsense. */
const kMaxHours = 10_000_000

const valuesOf = (ring: DoubleRing): Float64Array => ring.copyInto(new Float64Array(ring.capacity))

export function savedJob({ name, starts, count, sinceMs }: Job, context: DetectorContext): SavedJob {
  const { usec } = savedTimes(context, starts.at(-1)!)
  return { name, starts: starts.map(usec), count, since: usec(sinceMs) }
}

export function savedUnit(known: UnitTimes, context: DetectorContext): SavedUnit {
  const { unit, failures, moments, momentsMs, followers, open } = known
  const opens = Object.entries(open).filter((entry): entry is [string, OpenPattern<never>] => entry[1] !== undefined)
  const starts = Array.from(followers.byJob.values(), ({ startMs }) => startMs)
  const fits = opens.map(([, { lastFitMs }]) => lastFitMs)
  const { usec } = savedTimes(context, Math.max(known.bornMs, failures.at(-1) ?? known.bornMs, ...starts, ...fits))
  return {
    key: unit.key,
    ...savedUnitName(unit),
    isUp: known.isUp,
    sawRuns: known.sawRuns,
    born: usec(known.bornMs),
    exposure: Array.from(known.exposure.week, Math.round),
    failures: Array.from(valuesOf(failures), usec),
    moments: Array.from(valuesOf(moments), (hours, i) => [usec(momentsMs.at(i)!), hours] as const),
    runs: known.runs,
    after: Object.fromEntries(
      Array.from(followers.byJob, ([job, { lags, controls, startMs }]) => [
        job,
        { lags, controls, start: usec(startMs) },
      ]),
    ),
    open: Object.fromEntries(opens.map(([kind, one]) => [kind, { ...one.save(), lastFit: usec(one.lastFitMs) }])),
  }
}

/** @throws where it is not of this form: then all is learned anew */
export function readJob({ name, starts, count, since }: SavedJob, context: DetectorContext): Job {
  const isJob = isText(name) && starts.length >= 1 && starts.length <= kMaxStarts && isAscending([since, ...starts])
  if (!isJob || !isCount(count) || count < starts.length) throw new Error('a job that is none')
  const { ms } = readTimes(context, starts.at(-1)!)
  return new Job(name, starts.map(ms), count, ms(since))
}

/** @throws where it is not of this form: then all is learned anew */
export function readUnit(one: SavedUnit, local: LocalTime, context: DetectorContext): UnitTimes {
  const { exposure, failures, moments, runs, after, open } = one
  const unit = readUnitName(one.key, one)
  const need = (isSo: boolean, what: string): void => {
    if (!isSo) throw new Error(`${unit.name.slice(0, 256)} with ${what}`)
  }
  need(
    exposure.length === kWeekHours && exposure.every((seconds) => isSpan(seconds) && seconds <= kMaxExposure),
    'no week',
  )
  need(failures.length <= kMaxFailures && isAscending(failures), 'failures out of order')
  need(moments.length <= kMaxFailures && isAscending(moments.map(([usec]) => usec)), 'moments out of order')
  need(runs.every(isRun) && runs.length <= kMaxRuns, 'no runs')
  const followed = Object.entries(after)
  const opens = Object.entries(open)
  need(followed.length <= kMaxFollowed && followed.every(isFollowed), 'a job it does not follow')
  const newest = Math.max(
    one.born,
    failures.at(-1) ?? one.born,
    ...followed.map(([, { start }]) => start),
    ...opens.map(([, { lastFit }]) => lastFit),
  )
  const { ms } = readTimes(context, newest)
  const known = new UnitTimes(unit, local, new Exposure(Float32Array.from(exposure)))
  known.isUp = one.isUp === true
  known.sawRuns = one.sawRuns === true
  known.bornMs = ms(one.born)
  known.runs = [...runs]
  for (const usec of failures) known.failures.push(ms(usec))
  for (const [usec, hours] of moments) {
    need(Number.isFinite(hours) && Math.abs(hours) <= kMaxHours, 'a moment that is none')
    known.momentsMs.push(ms(usec))
    known.moments.push(hours)
  }
  for (const [job, { lags, controls, start }] of followed)
    known.followers.byJob.set(job, { lags: [...lags], controls: [...controls], startMs: ms(start) })
  for (const [kind, one] of opens) Object.assign(known.open, { [kind]: readOpen(kind, one, ms) })
  return known
}

function readOpen(
  kind: string,
  open: SavedOpen<never> & { readonly lastFit: number },
  ms: ReadTimes['ms'],
): OpenPattern<never> {
  const { detail, fits, toldFits, usualGapMs, leastSilenceMs, lastFit } = open
  const areCounts = isCount(fits) && isCount(toldFits) && toldFits >= 1 && toldFits <= fits
  const areSpans = [usualGapMs, leastSilenceMs].every((one) => isSpan(one) && one <= kMaxGapMs)
  if (!areCounts || !areSpans || !isDetail(kind, detail)) throw new Error('an open pattern that says nothing')
  return OpenPattern.restore(open, ms(lastFit))
}

function isFollowed([job, { lags, controls }]: [string, SavedFollowed]): boolean {
  return (
    isText(job) &&
    lags.length <= kMaxLags &&
    controls.length <= 2 * kMaxControls &&
    controls.length % 2 === 0 &&
    [...lags, ...controls].every(isLag) &&
    controls.every((value, at) => at % 2 === 0 || value > 0)
  )
}

const isHour = (value: unknown): boolean => isSpan(value) && value <= 24
const isDay = (value: unknown): boolean => isCount(value) && value < 7
/** Something was counted: it is divided by. */
const isSome = (value: unknown): boolean => isCount(value) && value > 0
/** Parts of all time are divided by, too: none is smaller than a second of the most that may be kept (5e-15). */
const kLeastShare = 1e-16
const isPart = (value: unknown): boolean => isShare(value) && value >= kLeastShare
/** Milliseconds; of a failure that did not follow, negative. */
const isLag = (value: unknown): boolean => Number.isFinite(value) && Math.abs(value as number) <= kMaxPeriodMs

/** What a pattern says, by kind: it is put into words when the pattern ends. */
const details: Readonly<Record<string, Readonly<Record<string, (value: unknown) => boolean>>>> = {
  hour_of_day: {
    ...{ fromHour: isHour, untilHour: isHour, meanHour: isHour },
    ...{ resultantLength: isShare, count: isSome, failures: isSome, share: isPart, pValue: isShare },
  },
  day_of_week: { fromDay: isDay, untilDay: isDay, count: isSome, days: isSome, share: isPart, pValue: isShare },
  after_job: {
    ...{ job: isText, lagMs: isLag, jitterMs: isLag, fromMs: isLag, untilMs: isLag },
    ...{ count: isSome, failures: isSome, starts: isCount, share: isPart, pValue: isShare, jobsTried: isCount },
  },
}

function isDetail(kind: string, detail: Readonly<Record<string, unknown>>): boolean {
  const wanted = Object.hasOwn(details, kind) ? details[kind] : undefined
  return wanted !== undefined && Object.entries(wanted).every(([name, fits]) => fits(detail[name]))
}
