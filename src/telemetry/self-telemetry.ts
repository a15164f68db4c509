import { hostname } from 'node:os'
import type { ComponentId } from '../component/id.js'
import type { Metric } from '../data/metric.js'
import type { ResourcePool } from '../data/resource.js'
import { ComponentCounters } from './component-counters.js'
import type { Meter } from './meter.js'
import { metricPrefix } from './metric-name.js'
import { instanceAttributes, type Reading, readingsOf } from './readings.js'
import { toRecords } from './to-records.js'

/** The agent's numbers about itself: handed to components to count with, and read as metrics. */
export interface SelfTelemetry {
  /** The counters of one instance; the same object for the same id and pipeline. */
  component(id: ComponentId, pipeline?: string): ComponentCounters
  /**
   * All numbers now, as cumulative metrics of the agent's own resource. The first call loads the metrics SDK (about
   * 6 MB of private memory), and durations are recorded from then on; an agent nobody asks pays for neither.
   */
  collect(): Promise<readonly Metric[]>
  shutdown(): Promise<void>
}

export interface SelfTelemetryOptions {
  readonly resources: ResourcePool
  readonly version: string
  /** Lines of the agent's log that were lost so far. */
  readonly lostLogLines: () => number
}

export function createSelfTelemetry({ resources, version, lostLogLines }: SelfTelemetryOptions): SelfTelemetry {
  const components = new Map<string, ComponentCounters>()
  let opening: Promise<Meter> | undefined

  const recordDurations = (meter: Meter, counters: ComponentCounters): void => {
    const name = `${metricPrefix(counters.id)}_processing_duration_ms`
    counters.onDurationMs = meter.histogram(name, 'Time one batch took.', instanceAttributes(counters))
  }

  const open = async (): Promise<Meter> => {
    const { createMeter } = await import('./meter.js')
    const meter = createMeter(() => [lostLines(lostLogLines()), ...[...components.values()].flatMap(readingsOf)])
    for (const counters of components.values()) recordDurations(meter, counters)
    return meter
  }

  return {
    component(id, pipeline) {
      const key = `${id.kind}:${id.id}@${pipeline ?? ''}`
      let counters = components.get(key)
      if (counters === undefined) {
        const made = new ComponentCounters(id, pipeline)
        components.set(key, made)
        void opening?.then((meter) => recordDurations(meter, made))
        counters = made
      }
      return counters
    },
    async collect() {
      opening ??= open()
      const meter = await opening
      const resource = resources.intern('unitscope', () => ({
        'service.name': 'unitscope',
        'service.version': version,
        'host.name': hostname(),
      }))
      return toRecords(await meter.collect(), resource)
    },
    async shutdown() {
      await (await opening)?.shutdown()
    },
  }
}

function lostLines(value: number): Reading {
  const name = 'unitscope_log_lines_lost_total'
  const description = 'Lines of the log that nobody took in time, or that could not be written.'
  return { name, type: 'counter', unit: '{line}', description, value, attributes: {} }
}
