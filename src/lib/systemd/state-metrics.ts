import type { Exemplar, Metric, NumberPoint } from '../../data/metric.js'
import type { Resource, ResourcePool } from '../../data/resource.js'
import { runSpanId } from './ids.js'
import { attr, metric } from './names.js'
import type { RunCounter, TrackedUnit } from './tracked-unit.js'
import { hostResource } from './unit-resource.js'

/** All values of ActiveState: each gets a point, so that a sum over a unit is always 1. */
export const activeStates = [
  'active',
  'reloading',
  'inactive',
  'failed',
  'activating',
  'deactivating',
  'maintenance',
  'refreshing',
] as const

export interface MetricContext {
  readonly nowNs: bigint
  readonly resource: (unit: string) => Resource
  readonly pool: ResourcePool
}

/** The state of every unit as metrics, plus the number of units by state on the host. */
export function stateMetrics(units: Iterable<readonly [string, TrackedUnit]>, context: MetricContext): Metric[] {
  const out: Metric[] = []
  const byState = new Map<string, number>(activeStates.map((name) => [name, 0]))
  for (const [name, unit] of units) {
    const resource = context.resource(name)
    if (unit.loaded) {
      const { activeState } = unit.machine.state
      byState.set(activeState, (byState.get(activeState) ?? 0) + 1)
      addState(out, name, unit, resource, context.nowNs)
    }
    addCounters(out, name, unit, resource, context)
  }
  const points = [...byState].map(([state, value]) => point({ [attr.activeState]: state }, context.nowNs, value))
  out.push(gauge(metric.units, '{unit}', 'Units by state', hostResource(context.pool), points))
  return out
}

function addState(out: Metric[], name: string, unit: TrackedUnit, resource: Resource, nowNs: bigint): void {
  const { state } = unit.machine
  out.push({
    type: 'sum',
    monotonic: false,
    valueType: 'int',
    name: metric.unitState,
    unit: '1',
    description: '1 for the state the unit is in, 0 for the others',
    resource,
    points: activeStates.map((value) =>
      sumPoint({ [attr.activeState]: value }, unit.sinceNs, nowNs, value === state.activeState ? 1 : 0),
    ),
  })
  if (name.endsWith('.service')) {
    const points = [point({}, nowNs, state.nRestarts)]
    out.push(gauge(metric.nRestarts, '{restart}', 'NRestarts as systemd counts it', resource, points))
  }
  // Left out for a unit that is not active: it has no start time, and 0 would read as 1970.
  if (unit.machine.phase === 'up' && state.activeEnterUsec > 0) {
    const points = [point({}, nowNs, state.activeEnterUsec / 1e6)]
    out.push(gauge(metric.startTime, 's', 'When the unit became active', resource, points, 'double'))
  }
  if (name.endsWith('.timer') && state.lastTriggerUsec > 0) {
    const points = [point({}, nowNs, state.lastTriggerUsec / 1e6)]
    out.push(gauge(metric.timerLastTrigger, 's', 'When the timer last fired', resource, points, 'double'))
  }
}

const noRestarts: RunCounter = { value: 0, invocationId: '', atUsec: 0 }

function addCounters(out: Metric[], unitName: string, unit: TrackedUnit, resource: Resource, context: MetricContext) {
  const add = (name: string, ucum: string, description: string, points: NumberPoint[]): void => {
    if (points.length === 0) return
    out.push({ type: 'sum', monotonic: true, valueType: 'int', name, unit: ucum, description, resource, points })
  }
  const of = (key: string, counters: ReadonlyMap<string, RunCounter>): NumberPoint[] =>
    [...counters].map(([value, counter]) => ({
      ...sumPoint({ [key]: value }, unit.sinceNs, context.nowNs, counter.value),
      ...exemplarsOf(counter),
    }))
  // Services start at 0: the increase from nothing to 1 is one that Prometheus does not see.
  const zero = unitName.endsWith('.service') && unit.loaded ? (['auto', 'manual'] as const) : []
  const restarts = new Map<string, RunCounter>([...zero.map((cause) => [cause, noRestarts] as const), ...unit.restarts])
  add(metric.restarts, '{restart}', 'Restarts since the agent started', of(attr.restartCause, restarts))
  add(metric.failures, '{failure}', 'Failures since the agent started', of(attr.result, unit.failures))
}

function exemplarsOf({ invocationId, atUsec }: RunCounter): { exemplars?: readonly Exemplar[] } {
  if (invocationId === '') return {}
  const timeUnixNano = BigInt(atUsec) * 1000n
  return { exemplars: [{ timeUnixNano, value: 1, traceId: invocationId, spanId: runSpanId(invocationId) }] }
}

function gauge(
  name: string,
  unit: string,
  description: string,
  resource: Resource,
  points: NumberPoint[],
  valueType: 'int' | 'double' = 'int',
): Metric {
  return { type: 'gauge', valueType, name, unit, description, resource, points }
}

function point(attributes: NumberPoint['attributes'], timeUnixNano: bigint, value: number): NumberPoint {
  return { attributes, timeUnixNano, value }
}

function sumPoint(attributes: NumberPoint['attributes'], sinceNs: bigint, nowNs: bigint, value: number): NumberPoint {
  return { attributes, startTimeUnixNano: sinceNs, timeUnixNano: nowNs, value }
}
