import type { ListedUnit } from '../data/unit-snapshot.js'
import { type Edge, type EdgeKinds, kindNames, kindsOf } from '../lib/dependencies/edge-kinds.js'
import type { UnitGraph } from '../lib/dependencies/unit-graph.js'
import type { GraphQuery } from './graph-query.js'

/** A way through the graph: which edges leave a unit, and to which other one each of them leads. */
export interface Way {
  readonly ends: 'needs' | 'neededBy'
  edges(graph: UnitGraph, unit: string, kinds: EdgeKinds): Edge[]
  end(edge: Edge): string
}

const byEnd = (way: Way) => (a: Edge, b: Edge) => (way.end(a) < way.end(b) ? -1 : 1)

const upwards: Way = {
  ends: 'needs',
  edges: (graph, unit, kinds) => graph.needs(unit, kinds).sort(byEnd(upwards)),
  end: ({ to }) => to,
}
const downwards: Way = {
  ends: 'neededBy',
  edges: (graph, unit, kinds) => graph.neededBy(unit, kinds).sort(byEnd(downwards)),
  end: ({ from }) => from,
}

export function waysOf({ direction }: GraphQuery): readonly Way[] {
  return direction === 'both' ? [upwards, downwards] : [direction === 'needs' ? upwards : downwards]
}

/** What is to be shown, in the order of names. */
export interface GraphView {
  readonly query: GraphQuery
  readonly graph: UnitGraph
  readonly states: ReadonlyMap<string, ListedUnit>
  readonly units: readonly string[]
  readonly edges: readonly Edge[]
}

export function viewOf(query: GraphQuery, graph: UnitGraph, states: ReadonlyMap<string, ListedUnit>): GraphView {
  const edges = new Map<string, Edge>()
  const units = new Set<string>()
  const take = (edge: Edge): void => {
    edges.set(`${edge.from} ${edge.to}`, edge)
    units.add(edge.from).add(edge.to)
  }
  if (query.unit === undefined) {
    for (const unit of graph.units()) for (const edge of graph.needs(unit, query.kinds)) take(edge)
    for (const unit of graph.units()) if (graph.knows(unit)) units.add(unit)
  } else {
    units.add(query.unit)
    for (const way of waysOf(query)) walk(graph, query.unit, way, query, take)
  }
  const sorted = [...edges.entries()].sort(([a], [b]) => (a < b ? -1 : 1))
  return { query, graph, states, units: [...units].sort(), edges: sorted.map(([, edge]) => edge) }
}

function walk(
  graph: UnitGraph,
  unit: string,
  way: Way,
  { depth, kinds }: GraphQuery,
  take: (edge: Edge) => void,
): void {
  const seen = new Set([unit])
  let level = [unit]
  for (let distance = 0; distance < depth; distance++) {
    const next: string[] = []
    for (const one of level)
      for (const edge of way.edges(graph, one, kinds)) {
        take(edge)
        const end = way.end(edge)
        if (seen.has(end)) continue
        seen.add(end)
        next.push(end)
      }
    level = next
  }
}

const after = kindsOf('After')

/** The kinds that were asked for, and whether the unit waits for the other one. */
export function shownKinds({ kinds }: Edge, query: GraphQuery): readonly string[] {
  return kindNames(kinds & (query.kinds | after))
}

/** `active/running`; units that others name and systemd has not loaded have no state. */
export function stateText(unit: string, states: ReadonlyMap<string, ListedUnit>): string {
  const known = states.get(unit)
  if (known === undefined) return 'not loaded'
  if (known.loadState !== 'loaded' && known.activeState === 'inactive') return known.loadState
  return known.activeState === known.subState ? known.activeState : `${known.activeState}/${known.subState}`
}

/** Grouped as an operator looks at it; for colours. */
export function health(unit: string, states: ReadonlyMap<string, ListedUnit>): 'good' | 'bad' | 'moving' | 'none' {
  const known = states.get(unit)
  switch (known?.activeState) {
    case 'active':
      return 'good'
    case 'failed':
      return 'bad'
    case 'activating':
    case 'deactivating':
    case 'reloading':
      return 'moving'
    default:
      return known?.loadState === 'not-found' || known?.loadState === 'error' ? 'bad' : 'none'
  }
}
