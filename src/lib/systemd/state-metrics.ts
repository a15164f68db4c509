import type { Attributes } from '../../data/attributes.js'
import type { Exemplar, Metric, NumberPoint } from '../../data/metric.js'
import type { Resource } from '../../data/resource.js'
import { leftOut } from '../../util/series-budget.js'
import { activeStates, stateAttributes, stateDescription } from './active-states.js'
import { FoldedStates, kFoldSeries } from './folded-states.js'
import { runSpanId } from './ids.js'
import type { MetricContext } from './metric-context.js'
import { counts, eachOf, gauge, none, onePoint, point, upDownCounts } from './metric-points.js'
import { attr, metric } from './names.js'
import { type RestartCause, restartCauses } from './restart-cause.js'
import type { TrackedUnit } from './tracked-unit.js'
import type { RunCounter, UnitCounters } from './unit-counters.js'
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
  const points = [...byState].map(([state, value]) => point({ [attr.activeState]: state }, value))
  return gauge(metric.units, '{unit}', 'Units by state', hostResource(pool), nowNs, points)
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
      const points = onePoint(unit.machine.state.nRestarts)
      out.push(gauge(metric.nRestarts, '{restart}', 'NRestarts as systemd counts it', resource, nowNs, points))
    }
    if (on.expected) addExpected(out, context.expectations.of(name, unit), resource, nowNs)
    if (on.verdicts) addVerdict(out, unit, resource, nowNs)
    if (on.times) addTimes(out, name, unit, resource, nowNs)
    details.add(out, name, unit, resource, nowNs)
  } else if (unit.failureIsTold && on.state) addState(out, unit, resource, nowNs) // reset-failed says nothing else
  if (on.counters) addCounters(out, name, unit, resource, nowNs)
}

const statePoints = eachOf(stateAttributes)

function addState(out: Metric[], unit: TrackedUnit, resource: Resource, nowNs: bigint): void {
  const { machine, sinceNs } = unit
  const { activeState } = machine.state
  unit.failureIsTold = activeState === 'failed'
  const points = statePoints.at((activeStates as readonly string[]).indexOf(activeState))!
  out.push(upDownCounts(metric.unitState, '1', stateDescription, resource, { sinceNs, nowNs }, points))
}

function addExpected(out: Metric[], expected: boolean | undefined, resource: Resource, nowNs: bigint): void {
  if (expected === undefined) return
  const description = '1 when the unit should be active, 0 when it need not'
  out.push(gauge(metric.expected, '{unit}', description, resource, nowNs, onePoint(expected ? 1 : 0)))
}

const verdictPoints = eachOf(verdicts.map((verdict) => Object.freeze({ [attr.verdict]: verdict })))

function addVerdict(out: Metric[], unit: TrackedUnit, resource: Resource, nowNs: bigint): void {
  const { verdict, machine } = unit
  if (verdict === undefined) return
  const holding = isStanding(verdict, machine.phase) ? (verdicts as readonly string[]).indexOf(verdict) : -1
  const points = verdictPoints.at(holding)!
  out.push(gauge(metric.verdict, '{unit}', '1 for what comes next to a unit that is down', resource, nowNs, points))
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
    const points = [point(none, state.activeEnterUsec / 1e6)]
    out.push(gauge(metric.startTime, 's', 'When the unit became active', resource, nowNs, points, 'double'))
  }
  if (name.endsWith('.timer') && state.lastTriggerUsec > 0) {
    const points = [point(none, state.lastTriggerUsec / 1e6)]
    out.push(gauge(metric.timerLastTrigger, 's', 'When the timer last fired', resource, nowNs, points, 'double'))
  }
}

/** Counted from 0 for every service; the others, which most never see, from the first on. */
const usualCauses: readonly RestartCause[] = ['auto', 'manual']
const noRestarts: readonly NumberPoint[] = Object.freeze(
  restartCauses.filter((cause) => usualCauses.includes(cause)).map((cause) => point(causeAttributes[cause], 0)),
)
const noPoints: readonly NumberPoint[] = []

function addCounters(out: Metric[], name: string, unit: TrackedUnit, resource: Resource, nowNs: bigint): void {
  const { counters, sinceNs } = unit
  const period = { sinceNs, nowNs }
  // Services start at 0: the increase from nothing to 1 is one that Prometheus does not see.
  const restarts = restartPoints(counters, name.endsWith('.service') && (unit.loaded || isFold(name)))
  if (restarts.length > 0)
    out.push(counts(metric.restarts, '{restart}', 'Restarts, by cause', resource, period, restarts))
  if (counters.failures.size === 0) return
  const failures: NumberPoint[] = []
  for (const [result, counter] of counters.failures) failures.push(countPoint(resultAttributes(result), counter))
  out.push(counts(metric.failures, '{failure}', 'Failures, by result', resource, period, failures))
}

/** @param all - those that are usual also where there were none */
function restartPoints({ restarts }: UnitCounters, all: boolean): readonly NumberPoint[] {
  if (restarts.size === 0) return all ? noRestarts : noPoints
  const points: NumberPoint[] = []
  for (const cause of restartCauses) {
    const counter = restarts.get(cause)
    if (counter !== undefined) points.push(countPoint(causeAttributes[cause], counter))
    else if (all && usualCauses.includes(cause)) points.push(point(causeAttributes[cause], 0))
  }
  return points
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

function countPoint(attributes: Attributes, { value, invocationId, atUsec }: RunCounter): NumberPoint {
  if (invocationId === '') return point(attributes, value)
  const spanId = runSpanId(invocationId)
  const exemplar: Exemplar = { timeUnixNano: BigInt(atUsec) * 1000n, value: 1, traceId: invocationId, spanId }
  return { attributes, value, exemplars: [exemplar] }
}
