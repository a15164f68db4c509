import type { Edge } from './edge-kinds.js'
import {
  type Effect,
  effectOf,
  type FailureMode,
  modeOfDependent,
  outlivesFailedStart,
  reliesOn,
} from './propagation.js'
import type { UnitGraph } from './unit-graph.js'

/** Units looked at for one impact; a slice or basic.target has all of the host behind it. */
const kMaxVisits = 4096

/** A unit that another one's failure reaches. */
export interface Affected {
  readonly unit: string
  readonly effect: Effect
  /** Steps from what failed: 1 for those that depend on it directly. */
  readonly distance: number
  /** The last step of the way, from this unit to the one it hears of the failure by. */
  readonly edge: Edge
}

/** What a failure takes down with it, nearest first. */
export interface Impact {
  readonly willStop: readonly Affected[]
  readonly mayDegrade: readonly Affected[]
  /** False when there were more units than were looked at: the lists are short then. */
  readonly complete: boolean
}

export interface ImpactQuery {
  readonly mode: FailureMode
  /** Steps to follow, 1 or more. */
  readonly depth: number
  /** When it failed, microseconds since 1970; a unit known to have been down then is not affected. Without it all count. */
  readonly atUsec?: number
  /** Since when it was ending: what ends with it may end before it, and counts if it was up at any time since. */
  readonly sinceUsec?: number
  readonly maxVisits?: number
}

/**
 * Follows a failure to those it reaches: first along edges that stop a unit, as systemd would, then from all of these
 * along edges that let it run on. Each unit counts once, by the worse of the two, at its shortest distance.
 */
export function impactOf(graph: UnitGraph, unit: string, query: ImpactQuery): Impact {
  const { depth, maxVisits = kMaxVisits } = query
  const walk = { graph, depth, seen: new Set([unit]), left: maxVisits }
  const stopped = reach(walk, [[unit, 0]], 'will_stop', (edge, distance) => {
    const mode = distance === 1 ? query.mode : modeOfDependent(query.mode)
    return effectIn(graph, edge, mode, query) === 'will_stop'
  })
  const sources: [string, number][] = [[unit, 0], ...stopped.map((one): [string, number] => [one.unit, one.distance])]
  const degraded = reach(walk, sources, 'may_degrade', (edge) => {
    return effectIn(graph, edge, query.mode, query) !== undefined
  })
  return { willStop: stopped.sort(nearest), mayDegrade: degraded.sort(nearest), complete: walk.left > 0 }
}

/** Of those equally far away by name: the order must not depend on who was read first. */
function nearest(a: Affected, b: Affected): number {
  return a.distance - b.distance || (a.unit < b.unit ? -1 : 1)
}

interface Walk {
  readonly graph: UnitGraph
  readonly depth: number
  readonly seen: Set<string>
  /** Units that may yet be looked at. */
  left: number
}

/** Breadth first, so each unit is reached by a shortest way. `sources` stand in the order of their distance. */
function reach(
  walk: Walk,
  sources: readonly (readonly [unit: string, distance: number])[],
  effect: Effect,
  passes: (edge: Edge, distance: number) => boolean,
): Affected[] {
  const { graph, depth, seen } = walk
  const affected: Affected[] = []
  let level: string[] = []
  let next = 0
  for (let distance = 0; distance < depth && (level.length > 0 || next < sources.length); distance++) {
    for (; next < sources.length && sources[next]![1] <= distance; next++) level.push(sources[next]![0])
    const reached: string[] = []
    for (const one of level)
      for (const edge of graph.neededBy(one, reliesOn)) {
        if (seen.has(edge.from) || !passes(edge, distance + 1)) continue
        if (walk.left === 0) return affected
        walk.left--
        seen.add(edge.from)
        reached.push(edge.from)
        affected.push({ unit: edge.from, effect, distance: distance + 1, edge })
      }
    level = reached
  }
  return affected
}

/** As `effectOf`, by what is known of the dependent's state at the time. */
function effectIn(
  graph: UnitGraph,
  edge: Edge,
  mode: FailureMode,
  { atUsec, sinceUsec = atUsec }: ImpactQuery,
): Effect | undefined {
  const effect = effectOf(edge, mode)
  if (effect === undefined || atUsec === undefined) return effect
  const state = graph.stateAt(edge.from, atUsec, sinceUsec)
  if (mode !== 'start_failed') return state === 'down' ? undefined : effect
  // What could not be started keeps a unit that waits for it down, and one that is up without it from nothing.
  if (state === 'up' && effect === 'will_stop' && outlivesFailedStart(edge.kinds)) return 'may_degrade'
  return state === 'down' && effect === 'may_degrade' ? undefined : effect
}
