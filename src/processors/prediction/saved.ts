import type { DetectorContext } from '../../lib/patterns/detector.js'
import { isRun, readUnitName, type SavedUnitName, savedUnitName } from '../../lib/patterns/saved-unit.js'
import { kMaxPeriodMs } from '../../lib/storage/saved-values.js'
import { type Basis, bases, type Forecast, type Subject, subjects } from './forecast.js'

/** What is open, in the state file. Times are microseconds since 1970: steady time begins anew with the agent. */
export interface SavedForecast extends SavedUnitName {
  readonly key: string
  readonly subject: Subject
  readonly basis: Basis
  readonly usec: number
  readonly earliestUsec: number
  readonly likelyUsec: number
  readonly latestUsec: number
  readonly confidence: number
  readonly run: string
  readonly more: Readonly<Record<string, number>>
  readonly periodMs: number
  readonly byClock: boolean
}

/** Names of numbers that are told beside the time. */
const known: ReadonlySet<string> = new Set(['limit', 'current', 'slope', 'period'])

export function savedForecast(forecast: Forecast, context: DetectorContext): SavedForecast {
  const { unit, subject, basis, atMs, earliestMs, likelyMs, latestMs, confidence, run, more, periodMs, byClock } =
    forecast
  // What is later is no date; a flat line meets its limit in a million years.
  const usec = (ms: number): number => Math.min(Number(context.unixNano(ms) / 1000n), Number.MAX_SAFE_INTEGER)
  return {
    key: unit.key,
    ...savedUnitName(unit),
    ...{ subject, basis, usec: usec(atMs) },
    ...{ earliestUsec: usec(earliestMs), likelyUsec: usec(likelyMs), latestUsec: usec(latestMs) },
    ...{ confidence, run, periodMs, byClock },
    more: Object.fromEntries(
      Object.entries(more).filter((entry): entry is [string, number] => Number.isFinite(entry[1])),
    ),
  }
}

/** @throws where it is not of this form: then all is foretold anew */
export function readForecast(saved: SavedForecast, context: DetectorContext): Forecast {
  const { subject, basis, usec, earliestUsec, likelyUsec, latestUsec, confidence, run, more, periodMs, byClock } = saved
  const unit = readUnitName(saved.key, saved)
  const need = (isSo: boolean, what: string): void => {
    if (!isSo) throw new Error(`what is foretold of ${unit.name.slice(0, 256)} ${what}`)
  }
  need(subjects.includes(subject) && bases.includes(basis), 'is of no known kind')
  const times = [usec, earliestUsec, likelyUsec, latestUsec]
  need(
    times.every((time) => Number.isSafeInteger(time) && time >= 0),
    'has no time',
  )
  need(earliestUsec <= likelyUsec && likelyUsec <= latestUsec, 'ends before it begins')
  need(Number.isFinite(confidence) && confidence >= 0 && confidence <= 1, 'is surer than sure')
  need(run === '' || isRun(run), 'is of no run')
  need(
    Object.entries(more).every(([name, value]) => known.has(name) && Number.isFinite(value)),
    'says something unknown',
  )
  need(periodMs >= 0 && periodMs <= kMaxPeriodMs && typeof byClock === 'boolean', 'has no period')
  need((subject === 'failure') === periodMs > 0, 'comes again, or does not')
  const [atMs, earliestMs, likelyMs, latestMs] = times.map((time) => context.steadyMs(BigInt(time) * 1000n)) as [
    number,
    number,
    number,
    number,
  ]
  return {
    ...{ unit, subject, basis, atMs, likelyMs, earliestMs, latestMs, confidence, run, periodMs, byClock },
    more: { ...more },
  }
}
