import type { Metric } from '../../data/metric.js'
import { activeStates, stateAttributes } from './active-states.js'
import type { MetricContext } from './metric-context.js'
import { gauge, none, point, sumPoint } from './metric-points.js'
import { metric } from './names.js'
import type { TrackedUnit } from './tracked-unit.js'

/** Points of each: the states, and how many instances there are. */
export const kFoldSeries = activeStates.length + 1

/** States of the instances of templates that are told together: how many are in each. */
export class FoldedStates {
  readonly #folds: ReadonlyMap<string, TrackedUnit>
  readonly #counts = new Map<string, number[]>()

  constructor(folds: ReadonlyMap<string, TrackedUnit>) {
    this.#folds = folds
    for (const name of folds.keys()) this.#counts.set(name, new Array<number>(activeStates.length).fill(0))
  }

  /** Whether the unit is one of them. */
  take({ foldedInto, loaded, machine }: TrackedUnit): boolean {
    const counts = foldedInto === undefined ? undefined : this.#counts.get(foldedInto)
    if (counts === undefined) return false
    const at = (activeStates as readonly string[]).indexOf(machine.state.activeState)
    if (loaded && at >= 0) counts[at]!++
    return true
  }

  /** Answers with how many points there are. */
  add(out: Metric[], { resource }: Pick<MetricContext, 'resource'>, nowNs: bigint): number {
    for (const [name, counts] of this.#counts) {
      const all = this.#folds.get(name)!
      const of = resource(name, all)
      out.push({
        type: 'sum',
        monotonic: false,
        valueType: 'int',
        name: metric.unitState,
        unit: '1',
        description: '1 for the state the unit is in, 0 for the others',
        resource: of,
        points: counts.map((count, at) => sumPoint(stateAttributes[at]!, all.sinceNs, nowNs, count)),
      })
      const loaded = counts.reduce((sum, count) => sum + count, 0)
      const instances = [point(none, nowNs, loaded)]
      out.push(gauge(metric.instances, '{unit}', 'Instances that are told together', of, instances))
    }
    return this.#counts.size * kFoldSeries
  }
}
