import type { ComponentId } from '../component/id.js'
import type { SpanSource } from '../component/telemetry.js'
import type { HistogramPoint, Metric, NumberPoint } from '../data/metric.js'
import type { Resource, ResourcePool } from '../data/resource.js'
import type { Clock } from '../util/clock.js'
import { ComponentCounters } from './component-counters.js'
import { metricPrefix } from './metric-name.js'
import { instanceAttributes, type Reading, readingsOf } from './readings.js'
import { SelfTraces } from './self-traces.js'

/** The agent's numbers about itself: handed to components to count with, and read as metrics. */
export interface SelfTelemetry {
  /** The counters of one instance; the same object for the same id and pipeline. */
  component(id: ComponentId, pipeline?: string): ComponentCounters
  /** Its numbers are told no more: no configuration has it. */
  forget(id: ComponentId, pipeline?: string): void
  /** All numbers now, cumulative since the start, as metrics of the agent's own resource. */
  collect(): readonly Metric[]
  /** Spans of such a share of what the components do from now on. */
  traces(samplingRatio: number): SpanSource
}

export interface SelfTelemetryOptions {
  readonly resources: ResourcePool
  readonly clock: Pick<Clock, 'unixNano' | 'monotonicMs'>
  /** Uniform in [0, 1): which operations are traced, and by which IDs. */
  readonly random: () => number
  readonly version: string
  /** Lines of the agent's log that were lost so far. */
  readonly lostLogLines: () => number
  /** Changes of the configuration that were asked for, by outcome. */
  readonly reloads?: () => { readonly done: number; readonly failed: number }
}

export function createSelfTelemetry(options: SelfTelemetryOptions): SelfTelemetry {
  const { resources, clock, random, version, lostLogLines } = options
  const startTimeUnixNano = clock.unixNano()
  const components = new Map<string, ComponentCounters>()
  const keyOf = (id: ComponentId, pipeline: string | undefined) => `${id.kind}:${id.id}@${pipeline ?? ''}`
  const resourceOfAgent = (): Resource =>
    resources.intern('unitscope', () => ({
      'service.name': 'unitscope',
      'service.version': version,
      ...resources.host,
    }))
  const traces = new SelfTraces({ clock, random, resource: resourceOfAgent, components: () => components.values() })
  return {
    forget: (id, pipeline) => void components.delete(keyOf(id, pipeline)),
    component(id, pipeline) {
      const key = keyOf(id, pipeline)
      let counters = components.get(key)
      if (counters === undefined) {
        counters = new ComponentCounters(id, pipeline)
        traces.join(counters)
        components.set(key, counters)
      }
      return counters
    },
    collect() {
      const resource = resourceOfAgent()
      const times = { startTimeUnixNano, timeUnixNano: clock.unixNano() }
      const readings = [
        lostLines(lostLogLines()),
        ...reloadsOf(options),
        ...[...components.values()].flatMap(readingsOf),
      ]
      return [...numbers(readings, resource, times), ...durations([...components.values()], resource, times)]
    },
    traces: (samplingRatio) => traces.open(samplingRatio),
  }
}

type Times = Pick<HistogramPoint, 'startTimeUnixNano' | 'timeUnixNano'>

/** One metric per name, with a point for each reading of that name. */
function numbers(readings: readonly Reading[], resource: Resource, times: Times): Iterable<Metric> {
  const byName = new Map<string, Metric & { readonly points: NumberPoint[] }>()
  for (const { name, type, unit, description, value, attributes } of readings) {
    let metric = byName.get(name)
    if (metric === undefined) {
      const head = { name, unit, description, resource, points: [] }
      metric =
        type === 'counter'
          ? { ...head, type: 'sum', valueType: 'int', monotonic: true }
          : { ...head, type: 'gauge', valueType: 'double' }
      byName.set(name, metric)
    }
    const { timeUnixNano } = times
    metric.points.push({ attributes, ...(type === 'counter' ? times : { timeUnixNano }), value })
  }
  return byName.values()
}

function durations(components: readonly ComponentCounters[], resource: Resource, times: Times): Iterable<Metric> {
  const byName = new Map<string, Metric & { readonly points: HistogramPoint[] }>()
  for (const counters of components) {
    const histogram = counters.durations.read()
    if (histogram === undefined) continue
    const name = `${metricPrefix(counters.id)}_processing_duration_ms`
    let metric = byName.get(name)
    if (metric === undefined) {
      metric = { name, unit: 'ms', description: 'Time one batch took.', resource, type: 'histogram', points: [] }
      byName.set(name, metric)
    }
    metric.points.push({ attributes: instanceAttributes(counters), ...times, ...histogram })
  }
  return byName.values()
}

function reloadsOf({ reloads }: SelfTelemetryOptions): readonly Reading[] {
  if (reloads === undefined) return []
  const { done, failed } = reloads()
  const reading = (name: string, description: string, value: number): Reading => ({
    name,
    type: 'counter',
    unit: '{reload}',
    description,
    value,
    attributes: {},
  })
  return [
    reading('unitscope_config_reloads_total', 'Changed configurations that were taken over.', done),
    reading(
      'unitscope_config_reloads_failed_total',
      'Changed configurations that were not; the one before goes on.',
      failed,
    ),
  ]
}

function lostLines(value: number): Reading {
  const name = 'unitscope_log_lines_lost_total'
  const description = 'Lines of the log that nobody took in time, or that could not be written.'
  return { name, type: 'counter', unit: '{line}', description, value, attributes: {} }
}
