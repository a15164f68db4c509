import type { Concern } from '../../component/concern.js'
import type { Metric } from '../../data/metric.js'
import type { ResourcePool } from '../../data/resource.js'
import type { ListedUnit } from '../../data/unit-snapshot.js'
import type { UnitGraph } from '../dependencies/unit-graph.js'
import { DetailMetrics } from './detail-metrics.js'
import { Expectations } from './expectations.js'
import { failedUnit } from './failed-units.js'
import { type MetricSwitches, metricGroups } from './metric-groups.js'
import type { UpUnit } from './polled-units.js'
import { stateMetrics } from './state-metrics.js'
import type { UnitStore } from './unit-store.js'
import type { UnitTeller } from './unit-teller.js'
import { typeOfUnit } from './unit-types.js'

export interface SeriesOptions {
  readonly resources: ResourcePool
  /** Which metrics are made; left out, those that are on by default. */
  readonly metrics?: MetricSwitches
  /** Points of units that a collection may have; left out or 0, no limit. */
  readonly maxSeries?: number
}

/** The metrics of the units that a tracker follows. */
export class UnitSeries {
  readonly #options: SeriesOptions
  readonly #units: UnitStore
  readonly #teller: UnitTeller
  readonly #details: DetailMetrics
  readonly #expectations: Expectations
  #leftOut = 0

  constructor(options: SeriesOptions, units: UnitStore, teller: UnitTeller, graph: UnitGraph) {
    this.#options = options
    this.#units = units
    this.#teller = teller
    this.#expectations = new Expectations((name) => units.find(name), graph)
    this.#details = new DetailMetrics(options.metrics ?? metricGroups)
  }

  /** Units that have no metrics, for there would be more than `maxSeries` points. */
  get leftOut(): number {
    return this.#leftOut
  }

  /** Units whose metrics are told together with those of other instances of their template. */
  get folded(): number {
    let folded = 0
    if (this.#units.folds.size === 0) return folded
    this.#units.followed.forEach(({ foldedInto }) => {
      if (foldedInto !== undefined) folded++
    })
    return folded
  }

  /** Takes which targets are active; `all` is everything that systemd has loaded, watched or not. */
  noteTargets(all: readonly ListedUnit[]): void {
    this.#expectations.noteTargets(all)
  }

  /** State metrics of all units, in parts; `now` is asked for each one. */
  collect(now: () => bigint): Generator<readonly Metric[], void, undefined> {
    const { resources, metrics: on = metricGroups, maxSeries = 0 } = this.#options
    return stateMetrics(this.#units, {
      now,
      resource: (name, unit) => this.#teller.resource(name, unit),
      pool: resources,
      on,
      details: this.#details,
      expectations: this.#expectations,
      maxSeries,
      onLeftOut: (units) => {
        this.#leftOut = units
      },
    })
  }

  /** Units that are `failed` now. */
  unitsFailed(): Concern[] {
    const failed: Concern[] = []
    this.#units.followed.forEach((unit, name) => {
      const { state, failedCommand } = unit.machine
      if (unit.loaded && state.activeState === 'failed')
        failed.push(failedUnit(name, state, failedCommand, this.#teller.resource(name, unit)))
    })
    return failed
  }

  /** Units of a type that are up, for questions that no signal answers. */
  unitsUp(type: string): UpUnit[] {
    const up: UpUnit[] = []
    this.#units.followed.forEach((unit, name) => {
      if (unit.foldedInto !== undefined) return
      const { state, phase } = unit.machine
      if (phase !== 'up' || typeOfUnit(name) !== type) return
      up.push({ name, invocationId: state.invocationId, resource: this.#teller.resource(name, unit) })
    })
    return up
  }
}
