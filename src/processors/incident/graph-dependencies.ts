import type { Shared } from '../../component/shared.js'
import { kindNames, kindsOf } from '../../lib/dependencies/edge-kinds.js'
import { effectOf, tellingKinds } from '../../lib/dependencies/propagation.js'
import { type UnitGraph, unitGraphKeys } from '../../lib/dependencies/unit-graph.js'
import type { Dependencies } from '../../lib/incidents/dependencies.js'

/** Units looked at for one failure. A service needs some dozens within three steps. */
const kMaxVisits = 256
const handles = kindsOf('OnFailure')

/** Asks the graph that the receiver of this agent keeps. Without one nothing depends on anything. */
export function graphDependencies(shared: Shared, depth: number): Dependencies {
  const graphs = { system: shared.get(unitGraphKeys.system), user: shared.get(unitGraphKeys.user) }
  const graphOf = (scope: string): UnitGraph => (scope === 'user' ? graphs.user : graphs.system)
  return {
    handles: (scope, unit) =>
      graphOf(scope)
        .neededBy(unit, handles)
        .map(({ from }) => from),
    nearest(scope, unit, wanted) {
      const graph = graphOf(scope)
      const seen = new Set([unit])
      let level: (readonly string[])[] = [[unit]]
      for (let distance = 0; distance < depth && level.length > 0; distance++) {
        const next: (readonly string[])[] = []
        for (const path of level)
          for (const edge of graph.needs(path[0]!)) {
            if (seen.has(edge.to) || seen.size > kMaxVisits || bundles(edge.to)) continue
            if (effectOf(edge, 'crash') === undefined) continue
            const longer = [edge.to, ...path]
            if (wanted(edge.to)) return { unit: edge.to, by: kindNames(tellingKinds(edge, 'crash'))[0]!, path: longer }
            seen.add(edge.to)
            next.push(longer)
          }
        level = next
      }
      return undefined
    },
  }
}

/** What nearly every unit needs, and what says nothing of two that do: over sysinit.target all are related. */
function bundles(unit: string): boolean {
  return unit.endsWith('.target') || unit.endsWith('.slice')
}
