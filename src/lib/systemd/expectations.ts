import type { ListedUnit } from '../../data/unit-snapshot.js'
import { kindsOf } from '../dependencies/edge-kinds.js'
import type { UnitGraph } from '../dependencies/unit-graph.js'
import { shouldRun } from './expected-state.js'
import type { TrackedUnit } from './tracked-unit.js'
import { typeOfUnit } from './unit-types.js'

/** What makes systemd start one unit for another. */
const pulls = kindsOf('Wants', 'Requires', 'BindsTo', 'Upholds')
const conflicts = kindsOf('Conflicts')

/** Finds out of each unit whether it should run, from who wants it and whether that one is active. */
export class Expectations {
  readonly #find: (unit: string) => TrackedUnit | undefined
  readonly #graph: UnitGraph
  /** Targets are mostly not watched, but want nearly everything; those that were active when systemd was last asked. */
  #targets: ReadonlySet<string> | undefined
  readonly #isUp = (name: string): boolean => {
    if (typeOfUnit(name) === 'target') return this.#targets?.has(name) === true
    return this.#find(name)?.machine.phase === 'up'
  }

  constructor(find: (unit: string) => TrackedUnit | undefined, graph: UnitGraph) {
    this.#find = find
    this.#graph = graph
  }

  /** @param all - everything that systemd has loaded, watched or not */
  noteTargets(all: readonly ListedUnit[]): void {
    const active = all.filter(({ name, activeState }) => activeState === 'active' && typeOfUnit(name) === 'target')
    this.#targets = new Set(active.map(({ name }) => name))
  }

  of(name: string, unit: TrackedUnit): boolean | undefined {
    const known = this.#targets !== undefined && this.#graph.knowsBothEnds(name)
    return shouldRun(name, {
      facts: unit.facts,
      state: unit.machine.state,
      pulledIn: known ? this.#graph.isNeeded(name, pulls, this.#isUp) : undefined,
      conflicts: known && this.#graph.isTied(name, conflicts, this.#isUp),
      endAsked: unit.endAsked,
      endSeen: unit.lastSignal > 0,
    })
  }
}
