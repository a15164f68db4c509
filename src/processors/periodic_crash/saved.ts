import type { Attributes } from '../../data/attributes.js'
import { kMaxRuns } from '../../lib/patterns/detection-event.js'
import type { DetectorContext } from '../../lib/patterns/detector.js'
import { kMaxPeriodTimes } from '../../lib/statistics/periodicity.js'
import { OpenPeriod, type SavedOpen } from './open-period.js'
import { UnitFailures } from './unit-failures.js'

/** One unit in the state file. Times are microseconds since 1970: steady time begins anew with the agent. */
export interface SavedUnit {
  readonly key: string
  readonly name: string
  /** Attributes of its resource: what is due may have to be told before the unit is heard of again. */
  readonly resource: { readonly key: string; readonly attributes: Attributes }
  readonly times: readonly number[]
  readonly runs: readonly string[]
  /** The rhythm that was told of, and has not ended. */
  readonly open?: SavedOpen
}

export function savedUnit({ unit, times, runs, open }: UnitFailures, context: DetectorContext): SavedUnit {
  const { key, name, resource } = unit
  const newest = times.copyInto(new Float64Array(kMaxPeriodTimes))
  return {
    key,
    name,
    resource: { key: resource.key, attributes: resource.attributes },
    times: Array.from(newest, (atMs) => Number(context.unixNano(atMs) / 1000n)),
    runs,
    ...(open === undefined ? {} : { open: open.save(context) }),
  }
}

/** @throws where it is not of this form: then all is learned anew */
export function readSaved(saved: unknown, context: DetectorContext): readonly UnitFailures[] {
  const { units } = saved as { units: readonly SavedUnit[] }
  return units.map(({ key, name, resource, times, runs, open }) => {
    if (typeof key !== 'string' || typeof name !== 'string' || typeof resource.key !== 'string')
      throw new Error('a unit has no name')
    const failures = new UnitFailures({ key, name, resource })
    for (const atUsec of times.slice(-kMaxPeriodTimes)) {
      if (!Number.isSafeInteger(atUsec)) throw new Error(`a time of ${name} is no number`)
      failures.times.push(context.steadyMs(BigInt(atUsec) * 1000n))
    }
    failures.runs = runs.filter((run) => typeof run === 'string').slice(-kMaxRuns)
    if (open !== undefined) failures.open = OpenPeriod.read(open, context)
    return failures
  })
}
