import { kMaxRuns } from '../../lib/patterns/detection-event.js'
import type { DetectorContext } from '../../lib/patterns/detector.js'
import { isRun, readUnitName, type SavedUnitName, savedUnitName } from '../../lib/patterns/saved-unit.js'
import { kMaxPeriodTimes } from '../../lib/statistics/periodicity.js'
import type { Pausable } from '../../util/pausable.js'
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
  return {
    key: unit.key,
    ...savedUnitName(unit),
    times: Array.from(newest, (atMs) => Number(context.unixNano(atMs) / 1000n)),
    runs,
    ...(open === undefined ? {} : { open: open.save(context) }),
  }
}

/** @throws where it is not of this form: then all is learned anew */
export function* readSaved(saved: unknown, context: DetectorContext): Pausable<readonly UnitFailures[]> {
  const { units } = saved as { units: readonly SavedUnit[] }
  const read: UnitFailures[] = []
  for (const one of units) {
    const { name, times, runs, open } = one
    const failures = new UnitFailures(readUnitName(one.key, one))
    for (const atUsec of times.slice(-kMaxPeriodTimes)) {
      if (!Number.isSafeInteger(atUsec)) throw new Error(`a time of ${name} is no number`)
      failures.times.push(context.steadyMs(BigInt(atUsec) * 1000n))
    }
    failures.runs = runs.filter(isRun).slice(-kMaxRuns)
    if (open !== undefined) failures.open = OpenPeriod.read(open, context)
    read.push(failures)
    yield
  }
  return read
}
