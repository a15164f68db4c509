import type { Attributes } from '../../data/attributes.js'
import type { DetectorContext } from '../../lib/patterns/detector.js'
import type { LocalTime } from '../../lib/patterns/local-time.js'
import type { DoubleRing } from '../../lib/statistics/double-ring.js'
import type { Pausable } from '../../util/pausable.js'
import { Exposure, kWeekHours } from './exposure.js'
import { Job } from './jobs.js'
import { OpenPattern, type SavedOpen } from './open-pattern.js'
import { UnitTimes } from './unit-times.js'

/** The state file. Times are microseconds since 1970: steady time begins anew with the agent. */
interface Saved {
  readonly units: readonly SavedUnit[]
  readonly jobs: readonly {
    readonly name: string
    readonly starts: readonly number[]
    readonly count: number
    readonly since: number
  }[]
}

export interface SavedUnit {
  readonly key: string
  readonly name: string
  readonly resource: { readonly key: string; readonly attributes: Attributes }
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

const valuesOf = (ring: DoubleRing): Float64Array => ring.copyInto(new Float64Array(ring.capacity))

const usecIn = (context: DetectorContext) => (atMs: number) => Number(context.unixNano(atMs) / 1000n)

export function savedJobs(jobs: readonly Job[], context: DetectorContext): Saved['jobs'] {
  const usec = usecIn(context)
  return jobs.map(({ name, starts, count, sinceMs }) => ({
    name,
    starts: starts.map(usec),
    count,
    since: usec(sinceMs),
  }))
}

export function savedUnit(known: UnitTimes, context: DetectorContext): SavedUnit {
  const usec = usecIn(context)
  const { unit, failures, moments, momentsMs, followers, open } = known
  return {
    key: unit.key,
    name: unit.name,
    resource: { key: unit.resource.key, attributes: unit.resource.attributes },
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
    open: Object.fromEntries(
      Object.entries(open).flatMap(([kind, one]) =>
        one === undefined ? [] : [[kind, { ...(one as OpenPattern<never>).save(), lastFit: usec(one.lastFitMs) }]],
      ),
    ),
  }
}

/** @throws where it is not of this form: then all is learned anew */
export function* readSaved(
  kept: unknown,
  local: LocalTime,
  context: DetectorContext,
): Pausable<{ readonly units: readonly UnitTimes[]; readonly jobs: readonly Job[] }> {
  const ms = (usec: number): number => {
    if (!Number.isSafeInteger(usec)) throw new Error('a time is no number')
    return context.steadyMs(BigInt(usec) * 1000n)
  }
  const { units, jobs } = kept as Saved
  const read: UnitTimes[] = []
  for (const one of units) {
    read.push(readUnit(one, local, ms))
    yield
  }
  return {
    jobs: jobs.map(({ name, starts, count, since }) => new Job(String(name), starts.map(ms), Number(count), ms(since))),
    units: read,
  }
}

function readUnit(one: SavedUnit, local: LocalTime, ms: (usec: number) => number): UnitTimes {
  const { key, name, resource, exposure } = one
  if (typeof key !== 'string' || typeof name !== 'string' || typeof resource.key !== 'string')
    throw new Error('a unit has no name')
  if (exposure.length !== kWeekHours || !exposure.every((seconds) => seconds >= 0))
    throw new Error(`no week of ${name}`)
  const known = new UnitTimes({ key, name, resource }, local, new Exposure(Float32Array.from(exposure)))
  known.isUp = one.isUp === true
  known.sawRuns = one.sawRuns === true
  known.bornMs = ms(one.born)
  known.runs = one.runs.filter((run) => typeof run === 'string')
  for (const usec of one.failures) known.failures.push(ms(usec))
  for (const [usec, hours] of one.moments) {
    if (!Number.isFinite(hours)) throw new Error(`a moment of ${name} is no number`)
    known.momentsMs.push(ms(usec))
    known.moments.push(hours)
  }
  for (const [job, { lags, controls, start }] of Object.entries(one.after))
    known.followers.byJob.set(job, { lags: lags.map(Number), controls: controls.map(Number), startMs: ms(start) })
  for (const [kind, open] of Object.entries(one.open)) {
    if (!isDetail(kind, open.detail)) throw new Error(`an open pattern of ${name} says nothing`)
    Object.assign(known.open, { [kind]: OpenPattern.restore(open, ms(open.lastFit)) })
  }
  return known
}

/** What must be a number in what a pattern says, by kind: it is put into words when the pattern ends. */
const numbersOf: Readonly<Record<string, readonly string[]>> = {
  hour_of_day: ['fromHour', 'untilHour', 'meanHour', 'resultantLength', 'count', 'share', 'pValue'],
  day_of_week: ['fromDay', 'untilDay', 'count', 'days', 'share', 'pValue'],
  after_job: ['lagMs', 'jitterMs', 'fromMs', 'untilMs', 'count', 'failures', 'starts', 'share', 'pValue', 'jobsTried'],
}

function isDetail(kind: string, detail: Readonly<Record<string, unknown>>): boolean {
  const job = kind !== 'after_job' || typeof detail.job === 'string'
  return job && numbersOf[kind]?.every((name) => Number.isFinite(detail[name])) === true
}
