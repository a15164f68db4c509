import type { Attributes } from '../../data/attributes.js'
import { pathFrom } from '../../lib/dependencies/cause-path.js'
import { type Edge, inverseName, kindNames, kindsOf } from '../../lib/dependencies/edge-kinds.js'
import { impactOf } from '../../lib/dependencies/impact.js'
import {
  effectOf,
  type FailureMode,
  modeOfDependent,
  reliesOn,
  tellingKinds,
} from '../../lib/dependencies/propagation.js'
import type { UnitGraph } from '../../lib/dependencies/unit-graph.js'
import type { Named } from '../../lib/systemd/names.js'
import { type ContainerUnit, ContainerUnits, containerUnit } from './container-units.js'
import type { Failure } from './failure.js'
import { type Origin, type RecentFailure, RecentFailures, type Via } from './recent-failures.js'

/** Units that a failed one relies on, looked at for one that failed before it. */
const kMaxVisits = 512
const triggeredBy = kindsOf('TriggeredBy')
const handles = kindsOf('OnFailure')
/** DefaultTimeoutStopSec=: so long may a unit wait for those that are stopped before it, where its own stop is no news. */
const kLongestStopUsec = 90_000_000

export interface ExplainerLimits {
  readonly depth: number
  readonly windowMs: number
  readonly maxListed: number
  readonly maxUnits: number
}

/** Units that the failure reaches: how many, and which. */
interface Impact {
  readonly count: number
  readonly lists: Named | undefined
}

/** From the root cause on; one edge less than units. */
interface Way {
  readonly units: readonly string[]
  readonly edges: readonly string[]
}

interface WayQuery {
  readonly root: string
  readonly usec: number
  /** How the root failed. */
  readonly mode: FailureMode
  /** Failures between the two that may still be followed. */
  readonly steps: number
}

/** Where failures of one systemd's units come from and what they reach, as attributes of their events. */
export class Explainer {
  readonly #graph: UnitGraph
  readonly #limits: ExplainerLimits
  readonly #recent: RecentFailures
  readonly #containers: ContainerUnits

  constructor(graph: UnitGraph, limits: ExplainerLimits, onForgotten: () => void) {
    this.#graph = graph
    this.#limits = limits
    this.#recent = new RecentFailures(limits.windowMs, limits.maxUnits, onForgotten)
    this.#containers = new ContainerUnits(graph)
  }

  get remembered(): number {
    return this.#recent.size
  }

  recovered(unit: string, usec: number): void {
    this.#recent.recovered(unit, usec)
  }

  /**
   * The attributes of its event with what there is to say. One literal, its names written out: of a copy to which names are added afterwards V8 makes a
   * hash table (see unit-event.ts).
   */
  explain(failure: Failure, attributes: Attributes): Attributes {
    const origin = this.#originOf(failure)
    const { root } = origin
    this.#recent.add(failure, origin)
    const isRoot = root === failure.unit
    const path = isRoot ? undefined : this.#pathOf(failure, origin)
    // What is stopped with it is stopped before it, from when the root cause failed.
    const beganUsec = isRoot ? undefined : this.#recent.find(root, failure.usec)?.usec
    const { count, lists } = this.#impactOf(failure, beganUsec)
    const explained: Named = {
      ...attributes,
      'systemd.unit.root_cause': root,
      ...path,
      'systemd.unit.impact.count': count,
      ...lists,
    }
    return explained as Attributes
  }

  #originOf(failure: Failure): Origin {
    const { unit, usec } = failure
    const via = this.#viaOf(failure)
    if (via === undefined) return { root: unit, via }
    return { root: this.#recent.find(via.unit, usec)?.root ?? via.unit, via }
  }

  #viaOf(failure: Failure): Via | undefined {
    const { unit, usec, causedBy, mode } = failure
    if (causedBy !== undefined) return { unit: causedBy }
    const triggered = this.#failedOf(failure)
    if (triggered !== undefined) return triggered
    if (mode === 'stop') return undefined
    const needed = this.#failedBefore(unit, usec)
    return needed === undefined ? this.#handled(failure) : { unit: needed }
  }

  /** The unit that a socket or path triggers and that gave up: a failure that goes against its edge. */
  #failedOf({ unit, usec, gaveUpWithTriggered }: Failure): Via | undefined {
    if (!gaveUpWithTriggered) return undefined
    const failed = this.#graph
      .neededBy(unit, triggeredBy)
      .find(({ from }) => this.#recent.find(from, usec) !== undefined)
    return failed && { unit: failed.from, edge: inverseName('TriggeredBy') }
  }

  /** The unit for whose failure this one was started (OnFailure=): the last that failed before this run began. */
  #handled({ unit, usec, beganUsec = usec }: Failure): Via | undefined {
    if (this.#recent.size === 0) return undefined
    let last: string | undefined
    let lastUsec = -Infinity
    for (const { from } of this.#graph.neededBy(unit, handles)) {
      const failedUsec = this.#recent.find(from, usec)?.usec
      if (failedUsec === undefined || failedUsec > beganUsec || failedUsec <= lastUsec) continue
      last = from
      lastUsec = failedUsec
    }
    // A handler that was failing by itself already is one more trouble.
    if (last === undefined || this.#recent.failedItself(unit, lastUsec)) return undefined
    return { unit: last, edge: 'OnFailure' }
  }

  /** The nearest unit that this one relies on and that was down then, because it failed before it. */
  #failedBefore(unit: string, usec: number): string | undefined {
    if (this.#recent.size === 0) return undefined
    const seen = new Set([unit])
    let level = [unit]
    for (let distance = 0; distance < this.#limits.depth && level.length > 0; distance++) {
      const reached: string[] = []
      for (const one of level)
        for (const edge of this.#graph.needs(one, reliesOn)) {
          if (seen.has(edge.to) || seen.size >= kMaxVisits || effectOf(edge, 'crash') === undefined) continue
          seen.add(edge.to)
          reached.push(edge.to)
        }
      const failed = earliest(reached.map((name) => [name, this.#recent.find(name, usec)] as const))
      if (failed !== undefined) return failed
      level = reached
    }
    return undefined
  }

  #pathOf({ unit, usec, mode, causedBy }: Failure, { root, via }: Origin): Named {
    const began = this.#recent.find(root, usec)?.mode ?? (mode === 'stop' ? 'crash' : mode)
    const way = this.#wayTo(unit, via, { root, usec, mode: began, steps: this.#limits.depth })
    if (way === undefined) {
      // systemd said so, and the graph does not know the way: some of it is not loaded any more, or is too far.
      const between = causedBy === undefined || causedBy === root ? [] : [causedBy]
      return { 'systemd.unit.root_cause.path': [root, ...between, unit] }
    }
    return {
      'systemd.unit.root_cause.edge': way.edges[0]!,
      'systemd.unit.root_cause.path': way.units,
      'systemd.unit.root_cause.path.edges': way.edges,
    }
  }

  /** How the failure of the root came to `unit`: as the graph has it, or by the failures between the two. */
  #wayTo(unit: string, via: Via | undefined, from: WayQuery): Way | undefined {
    const { root, usec, mode, steps } = from
    if (unit === root) return { units: [root], edges: [] }
    if (via?.edge === undefined) {
      const direct = this.#wayBetween(root, unit, mode)
      if (direct !== undefined) return direct
    }
    if (via === undefined || steps === 0) return undefined
    const between = this.#recent.find(via.unit, usec)
    const before = this.#wayTo(via.unit, between?.via, { ...from, steps: steps - 1 })
    if (before === undefined) return undefined
    if (via.edge !== undefined) return { units: [...before.units, unit], edges: [...before.edges, via.edge] }
    const rest = this.#wayBetween(via.unit, unit, between?.mode ?? modeOfDependent(mode))
    return rest && { units: [...before.units, ...rest.units.slice(1)], edges: [...before.edges, ...rest.edges] }
  }

  #wayBetween(cause: string, unit: string, mode: FailureMode): Way | undefined {
    const path = pathFrom(this.#graph, cause, unit, { mode, depth: this.#limits.depth })
    return (
      path && {
        units: [cause, ...path.map((edge) => edge.from)],
        edges: path.map((edge, at) => kindOf(edge, at === 0 ? mode : modeOfDependent(mode))),
      }
    )
  }

  #impactOf({ unit, mode, usec }: Failure, beganUsec: number | undefined): Impact {
    const { depth, maxListed } = this.#limits
    const sinceUsec = mode === 'stop' ? (beganUsec ?? usec - kLongestStopUsec) : usec
    const { willStop, mayDegrade } = impactOf(this.#graph, unit, { mode, depth, atUsec: usec, sinceUsec })
    const stops = willStop.map((one) => one.unit)
    const degrades = mayDegrade.map((one) => one.unit)
    const containers = this.#containersAmong(unit, [...stops, ...degrades], usec)
    if (containers.length > 0) {
      const listed = new Set([...stops, ...degrades])
      for (const one of containers) if (!listed.has(one.unit)) degrades.push(one.unit)
    }
    const count = stops.length + degrades.length
    if (count === 0) return { count, lists: undefined }
    const lists: Named = {}
    if (stops.length > 0) lists['systemd.unit.impact.will_stop'] = stops.slice(0, maxListed)
    if (degrades.length > 0) lists['systemd.unit.impact.may_degrade'] = degrades.slice(0, maxListed)
    if (containers.length === 0) return { count, lists }
    const shown = containers.slice(0, maxListed)
    lists['systemd.unit.impact.containers'] = shown.map((one) => one.unit)
    lists['systemd.unit.impact.containers.kind'] = shown.map((one) => one.kind)
    return { count, lists }
  }

  /** Containers that are hit themselves, and those of a runtime that is. */
  #containersAmong(unit: string, hit: readonly string[], usec: number): ContainerUnit[] {
    const found = new Map<string, ContainerUnit>()
    for (const one of hit) {
      const container = containerUnit(one)
      if (container !== undefined) found.set(one, container)
    }
    for (const daemon of [unit, ...hit])
      for (const container of this.#containers.of(daemon))
        if (this.#graph.stateAt(container.unit, usec) !== 'down') found.set(container.unit, container)
    return [...found.values()]
  }
}

/** Of those that failed, the one that was first. */
function earliest(units: readonly (readonly [unit: string, failure: RecentFailure | undefined])[]): string | undefined {
  let first: string | undefined
  let usec = Infinity
  for (const [unit, failure] of units) {
    if (failure === undefined || failure.usec >= usec) continue
    first = unit
    usec = failure.usec
  }
  return first
}

function kindOf(edge: Edge, mode: FailureMode): string {
  return kindNames(tellingKinds(edge, mode))[0]!
}
