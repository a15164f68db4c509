import type { Attributes } from '../../data/attributes.js'
import type { DetectorContext } from '../../lib/patterns/detector.js'
import { kMaxPeriodTimes } from '../../lib/statistics/periodicity.js'
import { UnitFailures } from './unit-failures.js'

/** One unit in the state file. Times are microseconds since 1970: steady time begins anew with the agent. */
interface SavedUnit {
  readonly key: string
  readonly name: string
  /** Attributes of its resource: what is due may have to be told before the unit is heard of again. */
  readonly resource: { readonly key: string; readonly attributes: Attributes }
  readonly times: readonly number[]
  readonly runs: readonly string[]
  /** Failures of the rhythm that was open, those at its last telling, and the period told then, in milliseconds. */
  readonly open?: { readonly failures: number; readonly toldFailures: number; readonly toldPeriodMs: number }
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
    ...(open === undefined
      ? {}
      : { open: { failures: open.failures, toldFailures: open.toldFailures, toldPeriodMs: open.toldPeriodMs } }),
  }
}

/** @throws where it is not of this form: then all is learned anew */
export function readSaved(
  saved: unknown,
  context: DetectorContext,
): readonly { readonly failures: UnitFailures; readonly open: SavedUnit['open'] }[] {
  const { units } = saved as { units: readonly SavedUnit[] }
  return units.map(({ key, name, resource, times, runs, open }) => {
    if (typeof key !== 'string' || typeof name !== 'string' || typeof resource.key !== 'string')
      throw new Error('a unit has no name')
    const failures = new UnitFailures({ key, name, resource })
    for (const atUsec of times.slice(-kMaxPeriodTimes)) {
      if (!Number.isSafeInteger(atUsec)) throw new Error(`a time of ${name} is no number`)
      failures.times.push(context.steadyMs(BigInt(atUsec) * 1000n))
    }
    if (open !== undefined && ![open.failures, open.toldFailures, open.toldPeriodMs].every(Number.isFinite))
      throw new Error(`the rhythm of ${name} has no numbers`)
    failures.runs = runs.filter((run) => typeof run === 'string')
    return { failures, open }
  })
}
