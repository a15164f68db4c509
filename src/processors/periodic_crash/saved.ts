import { kMaxRuns } from '../../lib/patterns/detection-event.js'
import type { DetectorContext } from '../../lib/patterns/detector.js'
import { isRun, readUnitName, type SavedUnitName, savedUnitName } from '../../lib/patterns/saved-unit.js'
import { kMaxPeriodTimes } from '../../lib/statistics/periodicity.js'
import { isAscending, readTimes, savedTimes } from '../../lib/storage/saved-values.js'
import { OpenPeriod, type SavedOpen } from './open-period.js'
import { UnitFailures } from './unit-failures.js'

/** One unit in the state file. Times are microseconds since 1970: steady time begins anew with the agent. */
export interface SavedUnit extends SavedUnitName {
  readonly key: string
  readonly times: readonly number[]
  readonly runs: readonly string[]
  /** The rhythm that was told of, and has not ended. */
  readonly open?: SavedOpen
}

export function savedUnit({ unit, times, runs, open }: UnitFailures, context: DetectorContext): SavedUnit {
  const newest = times.copyInto(new Float64Array(kMaxPeriodTimes))
  const saved = savedTimes(context, newest.at(-1) ?? open?.lastMs ?? 0)
  return {
    key: unit.key,
    ...savedUnitName(unit),
    times: Array.from(newest, saved.usec),
    runs,
    ...(open === undefined ? {} : { open: open.save(saved) }),
  }
}

/** @throws where it is not of this form: then all is learned anew */
export function readUnit(one: SavedUnit, context: DetectorContext): UnitFailures {
  const { times, runs, open } = one
  const failures = new UnitFailures(readUnitName(one.key, one))
  const need = (isSo: boolean, what: string): void => {
    if (!isSo) throw new Error(`failures of ${failures.unit.name.slice(0, 256)} ${what}`)
  }
  need(times.length <= kMaxPeriodTimes && isAscending(times), 'that are out of order')
  need(runs.length <= kMaxRuns && runs.every(isRun), 'of no runs')
  const read = readTimes(context, times.at(-1) ?? open?.lastUsec ?? 0)
  for (const atUsec of times) failures.times.push(read.ms(atUsec))
  failures.runs = [...runs]
  if (open !== undefined) failures.open = OpenPeriod.read(open, read)
  return failures
}
