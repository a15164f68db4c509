import type { Edge } from './edge-kinds.js'
import { effectOf, type FailureMode, modeOfDependent, reliesOn } from './propagation.js'
import type { UnitGraph } from './unit-graph.js'

/** Units looked at for one path. What a unit needs, and that needs, is some dozens; sysinit.target brings the most. */
const kMaxVisits = 1024

export interface PathQuery {
  readonly mode: FailureMode
  /** Steps at most, 1 or more. */
  readonly depth: number
  readonly maxVisits?: number
}

/**
 * The way a failure of `cause` reaches `unit`: its edges, the first one that of a direct dependent of the cause.
 * The shortest way along which systemd stops units, or else the shortest one along which they feel it.
 *
 * @returns undefined when there is none; nothing is between a unit and itself
 */
export function pathFrom(graph: UnitGraph, cause: string, unit: string, query: PathQuery): Edge[] | undefined {
  if (cause === unit) return []
  const strict = shortest(graph, cause, unit, query, (edge, mode) => effectOf(edge, mode) === 'will_stop')
  return strict ?? shortest(graph, cause, unit, query, (edge, mode) => effectOf(edge, mode) !== undefined)
}

/** From the unit upwards: it needs few, while half of the host may depend on the cause. */
function shortest(
  graph: UnitGraph,
  cause: string,
  unit: string,
  { mode, depth, maxVisits = kMaxVisits }: PathQuery,
  passes: (edge: Edge, mode: FailureMode) => boolean,
): Edge[] | undefined {
  const seen = new Set([unit])
  let level: Way[] = [{ unit, by: undefined, before: undefined }]
  for (let distance = 0; distance < depth && level.length > 0; distance++) {
    const reached: Way[] = []
    for (const way of level)
      for (const edge of graph.needs(way.unit, reliesOn)) {
        const last = edge.to === cause
        if (seen.has(edge.to) || !passes(edge, last ? mode : modeOfDependent(mode))) continue
        if (last) return edgesOf({ unit: cause, by: edge, before: way })
        if (seen.size >= maxVisits) return undefined
        seen.add(edge.to)
        reached.push({ unit: edge.to, by: edge, before: way })
      }
    level = reached
  }
  return undefined
}

/** A unit on the way towards the cause, and how it was reached. */
interface Way {
  readonly unit: string
  readonly by: Edge | undefined
  readonly before: Way | undefined
}

function edgesOf(way: Way): Edge[] {
  const edges: Edge[] = []
  for (let one: Way | undefined = way; one?.by !== undefined; one = one.before) edges.push(one.by)
  return edges
}
