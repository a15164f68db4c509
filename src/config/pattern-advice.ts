import type { Signal } from '../data/batch.js'

/** What a processor has around it in its pipeline; components by type. */
export interface Surroundings {
  readonly carried: ReadonlySet<Signal>
  readonly receivers: readonly string[]
  readonly processors: readonly string[]
}

/** Patterns that look at events alone, and those that look at metrics, too. */
const ofEvents: readonly string[] = ['crash_loop', 'periodic_crash', 'time_pattern']
const ofMetrics: readonly string[] = ['memory_leak', 'anomaly', 'prediction']

/** Whose findings `prediction` reads. */
const foretold: readonly string[] = ['memory_leak', 'periodic_crash']

/**
 * Why a pattern finds nothing, or not all it should, where it stands: its configuration is right, so nothing else would say so.
 *
 * @param type - of a processor
 * @returns undefined where it is no pattern, or has all it reads
 */
export function patternAdvice(type: string, { carried, receivers, processors }: Surroundings): string | undefined {
  const readsMetrics = ofMetrics.includes(type)
  if (!readsMetrics && !ofEvents.includes(type)) return undefined
  // Without logs there are no events; a pipeline of logs is given metrics for a pattern that reads them, one of traces is not.
  if (!carried.has('logs') && (readsMetrics || carried.has('metrics')))
    return `finds nothing in a pipeline of ${[...carried].join(' and ')}: it reads and makes events; give the pipeline an id such as "units", which carries all three signals`
  if (type === 'memory_leak' && !receivers.includes('cgroup'))
    return 'finds nothing here: it reads metrics of the cgroup receiver, which this pipeline does not have'
  if (type === 'anomaly' && !receivers.includes('cgroup'))
    return 'sees only failures, starts and stops here: the rest are metrics of the cgroup receiver, which this pipeline does not have'
  if (
    type === 'prediction' &&
    !receivers.includes('self_telemetry') &&
    !processors.some((one) => foretold.includes(one))
  )
    return `finds nothing here: put ${foretold.join(' or ')}, whose findings it reads, before it in this pipeline`
  return undefined
}
