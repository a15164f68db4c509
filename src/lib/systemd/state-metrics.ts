import type { Attributes } from '../../data/attributes.js'
import type { Exemplar, Metric, NumberPoint } from '../../data/metric.js'
import type { Resource } from '../../data/resource.js'
import { leftOut } from '../../util/series-budget.js'
import { activeStates, stateAttributes } from './active-states.js'
import { FoldedStates, kFoldSeries } from './folded-states.js'
import { runSpanId } from './ids.js'
import type { MetricContext } from './metric-context.js'
import { counts, gauge, none, point, sumPoint } from './metric-points.js'
import { attr, metric } from './names.js'
import { type RestartCause, restartCauses } from './restart-cause.js'
import type { TrackedUnit } from './tracked-unit.js'
import type { RunCounter } from './unit-counters.js'
import type { Phase } from './unit-phase.js'
import { hostResource } from './unit-resource.js'
import type { UnitStore } from './unit-store.js'
import { isFold } from './unit-types.js'
import { type Verdict, verdicts } from './verdict.js'

/**
 * Points after which a part ends: 90 services, 1 ms to make and about as long in each exporter. A turn of the event loop
 * makes one, so that 65,536 units hold up nothing else.
 */
const kPartPoints = 1024
/** Of an active service that never failed. */
const kUsualSeries = 13

/**
 * The state of every unit as metrics, in parts, and in the first one how many units are in which state. Units are those of
 * the beginning; each is read when its part is made, so no part is older than its points say.
 */
export function* stateMetrics(
  all: Pick<UnitStore, 'forEach' | 'folds'>,
  context: MetricContext,
): Generator<readonly Metric[], void, undefined> {
  const names: string[] = []
  const units: TrackedUnit[] = []
  const folds = new FoldedStates(all.folds)
  all.forEach((unit, name) => {
    if (folds.take(unit)) return
    names.push(name)
    units.push(unit)
  })
  const skipped = overLimit(names, units, context)
  let part: Metric[] = context.on.state ? [unitsByState(all, context)] : []
  let points = part[0]?.points.length ?? 0
  let nowNs = context.now()
  if (context.on.state) points += folds.add(part, context, nowNs)
  for (let n = 0; n < units.length; n++) {
    const from = part.length
    const name = names[n]!
    const unit = units[n]!
    if (skipped?.has(name)) continue
    addUnit(part, name, unit, context, nowNs)
    let series = 0
    for (let at = from; at < part.length; at++) series += part[at]!.points.length
    unit.series = series
    points += series
    if (points < kPartPoints) continue
    yield part
    part = []
    points = 0
    nowNs = context.now()
  }
  if (part.length > 0) yield part
}

/** Names of the units that are to have no metrics. */
function overLimit(
  names: readonly string[],
  units: readonly TrackedUnit[],
  { maxSeries, onLeftOut }: MetricContext,
): ReadonlySet<string> | undefined {
  if (maxSeries === 0) return undefined
  const claims: { readonly name: string; readonly series: number }[] = []
  let free = maxSeries
  units.forEach(({ series }, at) => {
    const name = names[at]!
    // What folds many is not left out.
    if (isFold(name)) free -= series + kFoldSeries
    else claims.push({ name, series })
  })
  const out = leftOut(claims, free, kUsualSeries)
  onLeftOut(out.size)
  return out.size === 0 ? undefined : new Set([...out].map(({ name }) => name))
}

function unitsByState(all: Pick<UnitStore, 'forEach'>, { now, pool }: MetricContext): Metric {
  const byState = new Map<string, number>(activeStates.map((name) => [name, 0]))
  all.forEach(({ loaded, machine }) => {
    if (!loaded) return
    const { activeState } = machine.state
    byState.set(activeState, (byState.get(activeState) ?? 0) + 1)
  })
  const nowNs = now()
  const points = [...byState].map(([state, value]) => point({ [attr.activeState]: state }, nowNs, value))
  return gauge(metric.units, '{unit}', 'Units by state', hostResource(pool), points)
}

const causeAttributes = Object.fromEntries(
  restartCauses.map((cause): [string, Attributes] => [cause, Object.freeze({ [attr.restartCause]: cause })]),
) as Readonly<Record<RestartCause, Attributes>>

function addUnit(out: Metric[], name: string, unit: TrackedUnit, context: MetricContext, nowNs: bigint): void {
  const { on, details } = context
  const resource = context.resource(name, unit)
  if (unit.loaded) {
    if (on.state) addState(out, unit, resource, nowNs)
    if (on.counters && name.endsWith('.service')) {
      const points = [point(none, nowNs, unit.machine.state.nRestarts)]
      out.push(gauge(metric.nRestarts, '{restart}', 'NRestarts as systemd counts it', resource, points))
    }
    if (on.expected) addExpected(out, context.expectations.of(name, unit), resource, nowNs)
    if (on.verdicts) addVerdict(out, unit, resource, nowNs)
    if (on.times) addTimes(out, name, unit, resource, nowNs)
    details.add(out, name, unit, resource, nowNs)
  }
  if (on.counters) addCounters(out, name, unit, resource, nowNs)
}

function addState(out: Metric[], unit: TrackedUnit, resource: Resource, nowNs: bigint): void {
  const { state } = unit.machine
  const since = unit.sinceNs
  const points = new Array<NumberPoint>(activeStates.length)
  for (let at = 0; at < activeStates.length; at++)
    points[at] = sumPoint(stateAttributes[at]!, since, nowNs, activeStates[at] === state.activeState ? 1 : 0)
  out.push({
    type: 'sum',
    monotonic: false,
    valueType: 'int',
    name: metric.unitState,
    unit: '1',
    description: '1 for the state the unit is in, 0 for the others',
    resource,
    points,
  })
}

function addExpected(out: Metric[], expected: boolean | undefined, resource: Resource, nowNs: bigint): void {
  if (expected === undefined) return
  const points = [point(none, nowNs, expected ? 1 : 0)]
  out.push(gauge(metric.expected, '{unit}', '1 when the unit should be active, 0 when it need not', resource, points))
}

const verdictAttributes = verdicts.map((verdict) => Object.freeze({ [attr.verdict]: verdict }))

function addVerdict(out: Metric[], unit: TrackedUnit, resource: Resource, nowNs: bigint): void {
  const { verdict, machine } = unit
  if (verdict === undefined) return
  const holds = isStanding(verdict, machine.phase)
  const points = verdicts.map((one, at) => point(verdictAttributes[at]!, nowNs, holds && one === verdict ? 1 : 0))
  out.push(gauge(metric.verdict, '{unit}', '1 for what comes next to a unit that is down', resource, points))
}

/** A start ends what was said of the last end, but that it comes; and who gave up has been seen to by reset-failed. */
function isStanding(verdict: Verdict | '', phase: Phase): boolean {
  if (phase === 'up') return false
  if (verdict === 'will_restart') return true
  return verdict === 'gave_up' ? phase === 'failed' : phase !== 'starting'
}

function addTimes(out: Metric[], name: string, unit: TrackedUnit, resource: Resource, nowNs: bigint): void {
  const { state } = unit.machine
  // Left out for a unit that is not active: it has no start time, and 0 would read as 1970.
  if (unit.machine.phase === 'up' && state.activeEnterUsec > 0) {
    const points = [point(none, nowNs, state.activeEnterUsec / 1e6)]
    out.push(gauge(metric.startTime, 's', 'When the unit became active', resource, points, 'double'))
  }
  if (name.endsWith('.timer') && state.lastTriggerUsec > 0) {
    const points = [point(none, nowNs, state.lastTriggerUsec / 1e6)]
    out.push(gauge(metric.timerLastTrigger, 's', 'When the timer last fired', resource, points, 'double'))
  }
}

const noRestarts: RunCounter = { value: 0, invocationId: '', atUsec: 0 }
/** Counted from 0 for every service; the others, which most never see, from the first on. */
const usualCauses: readonly RestartCause[] = ['auto', 'manual']

function addCounters(out: Metric[], name: string, unit: TrackedUnit, resource: Resource, nowNs: bigint): void {
  // Services start at 0: the increase from nothing to 1 is one that Prometheus does not see.
  const zero = name.endsWith('.service') && (unit.loaded || isFold(name)) ? noRestarts : undefined
  const { counters } = unit
  const restarts: NumberPoint[] = []
  for (const cause of restartCauses) {
    const counter = counters.restarts.get(cause) ?? (usualCauses.includes(cause) ? zero : undefined)
    if (counter !== undefined) restarts.push(countPoint(causeAttributes[cause], unit.sinceNs, nowNs, counter))
  }
  if (restarts.length > 0) out.push(counts(metric.restarts, '{restart}', 'Restarts, by cause', resource, restarts))
  if (counters.failures.size === 0) return
  const failures: NumberPoint[] = []
  for (const [result, counter] of counters.failures)
    failures.push(countPoint(resultAttributes(result), unit.sinceNs, nowNs, counter))
  out.push(counts(metric.failures, '{failure}', 'Failures, by result', resource, failures))
}

/** Results are a dozen words of systemd's; what is over the limit is somebody else's, and not shared. */
const kMaxResults = 64
const knownResults = new Map<string, Attributes>()

function resultAttributes(result: string): Attributes {
  let attributes = knownResults.get(result)
  if (attributes !== undefined) return attributes
  attributes = Object.freeze({ [attr.result]: result })
  if (knownResults.size < kMaxResults) knownResults.set(result, attributes)
  return attributes
}

function countPoint(attributes: Attributes, sinceNs: bigint, nowNs: bigint, counter: RunCounter): NumberPoint {
  const { value, invocationId, atUsec } = counter
  if (invocationId === '') return sumPoint(attributes, sinceNs, nowNs, value)
  const spanId = runSpanId(invocationId)
  const exemplar: Exemplar = { timeUnixNano: BigInt(atUsec) * 1000n, value: 1, traceId: invocationId, spanId }
  return { attributes, startTimeUnixNano: sinceNs, timeUnixNano: nowNs, value, exemplars: [exemplar] }
}
