import type { Attributes } from '../../data/attributes.js'
import type { Metric, NumberPoint } from '../../data/metric.js'
import type { Resource } from '../../data/resource.js'
import type { UnitState } from '../../data/signal-record.js'
import type { MetricSwitches } from './metric-groups.js'
import { gauge, none, onePoint, point } from './metric-points.js'
import { attr, metric } from './names.js'
import type { TrackedUnit } from './tracked-unit.js'
import { stopUsec } from './unit-times.js'
import { typeOfUnit } from './unit-types.js'

/** Values of one attribute that a unit's series were told with. Services know 20 sub-states and 13 results (systemd 252). */
const kMaxSeen = 32
/** Attribute objects kept for all units: words of systemd's, some 150 sub-states over all types. */
const kMaxShared = 512
/** By shells and by Kubernetes a process that a signal ended has this plus its number. */
const kSignalExit = 128

/** What is off by default: more series per unit than most want. Each is told from the state in memory, nothing is asked. */
export class DetailMetrics {
  readonly #on: MetricSwitches
  readonly #subStates = new SeenValues(attr.subState)
  readonly #results = new SeenValues(attr.result)

  constructor(on: MetricSwitches) {
    this.#on = on
  }

  add(out: Metric[], name: string, unit: TrackedUnit, resource: Resource, nowNs: bigint): void {
    const { state } = unit.machine
    if (this.#on.details) this.#addDetails(out, unit, resource, nowNs)
    if (this.#on.durations) addDurations(out, state, resource, nowNs)
    if (this.#on.timestamps) addTimestamps(out, state, resource, nowNs)
    if (this.#on.info) addInfo(out, name, unit, resource, nowNs)
  }

  #addDetails(out: Metric[], unit: TrackedUnit, resource: Resource, nowNs: bigint): void {
    const { state } = unit.machine
    const subStates = this.#subStates.points(unit, state.subState)
    const subState = '1 for the sub-state the unit is in, 0 for those before'
    out.push(gauge(metric.subState, '{unit}', subState, resource, nowNs, subStates))
    if (state.result !== '') {
      const results = this.#results.points(unit, state.result)
      const result = '1 for how the last run ended, 0 for those before'
      out.push(gauge(metric.result, '{unit}', result, resource, nowNs, results))
    }
    if (state.execMainCode === 0) return
    const code = state.execMainCode === 1 ? state.execMainStatus : kSignalExit + state.execMainStatus
    const exitCode = 'Exit code of the last main process, 128 and more for signals'
    out.push(gauge(metric.exitCode, '{code}', exitCode, resource, nowNs, onePoint(code)))
  }
}

/**
 * A series of a value that is over must be told as 0 once and for good, or it stays at 1 until it expires; so those a unit
 * had are kept, as long as the unit is.
 */
class SeenValues {
  readonly #attribute: string
  readonly #seen = new WeakMap<TrackedUnit, string[]>()
  readonly #shared = new Map<string, Attributes>()

  constructor(attribute: string) {
    this.#attribute = attribute
  }

  points(unit: TrackedUnit, value: string): NumberPoint[] {
    let seen = this.#seen.get(unit)
    if (seen === undefined) {
      seen = []
      this.#seen.set(unit, seen)
    }
    if (!seen.includes(value) && seen.length < kMaxSeen) seen.push(value)
    return seen.map((one) => point(this.#attributes(one), one === value ? 1 : 0))
  }

  #attributes(value: string): Attributes {
    let attributes = this.#shared.get(value)
    if (attributes !== undefined) return attributes
    attributes = Object.freeze({ [this.#attribute]: value })
    if (this.#shared.size < kMaxShared) this.#shared.set(value, attributes)
    return attributes
  }
}

function addDurations(out: Metric[], state: UnitState, resource: Resource, nowNs: bigint): void {
  const { inactiveExitUsec, activeEnterUsec } = state
  // Later than the beginning, else it is the end of an earlier one.
  if (inactiveExitUsec > 0 && activeEnterUsec >= inactiveExitUsec) {
    const took = [point(none, (activeEnterUsec - inactiveExitUsec) / 1e6)]
    out.push(gauge(metric.startDuration, 's', 'How long the last start took', resource, nowNs, took, 'double'))
  }
  const stoppedUsec = stopUsec(state)
  if (stoppedUsec !== undefined) {
    const took = [point(none, stoppedUsec / 1e6)]
    out.push(gauge(metric.stopDuration, 's', 'How long the last stop took', resource, nowNs, took, 'double'))
  }
}

const stamps = [
  ['inactiveExitUsec', metric.inactiveExitTime, 's', 'When the unit last began to start'],
  ['activeEnterUsec', metric.activeEnterTime, 's', 'When the unit last became active'],
  ['activeExitUsec', metric.activeExitTime, 's', 'When the unit last began to stop'],
  ['inactiveEnterUsec', metric.inactiveEnterTime, 's', 'When the unit last had stopped'],
] as const

function addTimestamps(out: Metric[], state: UnitState, resource: Resource, nowNs: bigint): void {
  for (const [field, name, unit, description] of stamps) {
    if (state[field] > 0)
      out.push(gauge(name, unit, description, resource, nowNs, [point(none, state[field] / 1e6)], 'double'))
  }
}

function addInfo(out: Metric[], name: string, unit: TrackedUnit, resource: Resource, nowNs: bigint): void {
  const { facts } = unit
  if (facts === undefined) return
  const attributes: Record<string, string> = {}
  if (facts.serviceType !== '') attributes[attr.serviceType] = facts.serviceType
  if (typeOfUnit(name) === 'mount' && facts.mountType) attributes[attr.mountType] = facts.mountType
  if (unit.fileState) attributes[attr.unitFileState] = unit.fileState
  if (facts.slice) attributes[attr.slice] = facts.slice
  const points = [point(attributes, 1)]
  out.push(
    gauge(metric.unitInfo, '{unit}', 'What the configuration says of the unit, always 1', resource, nowNs, points),
  )
}
