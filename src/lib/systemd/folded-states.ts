import type { Metric } from '../../data/metric.js'
import { activeStates, stateAttributes, stateDescription } from './active-states.js'
import type { MetricContext } from './metric-context.js'
import { gauge, onePoint, point, upDownCounts } from './metric-points.js'
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
      const points = counts.map((count, at) => point(stateAttributes[at]!, count))
      out.push(upDownCounts(metric.unitState, '1', stateDescription, of, { sinceNs: all.sinceNs, nowNs }, points))
      const loaded = counts.reduce((sum, count) => sum + count, 0)
      out.push(gauge(metric.instances, '{unit}', 'Instances that are told together', of, nowNs, onePoint(loaded)))
    }
    return this.#counts.size * kFoldSeries
  }
}
