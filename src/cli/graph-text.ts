import { inverseName, kindNames } from '../lib/dependencies/edge-kinds.js'
import { type GraphView, health, shownKinds, stateText, type Way, waysOf } from './graph-view.js'
import { paint, sgr } from './problems.js'
import type { Output } from './terminal.js'

const colors = { good: sgr.green, bad: sgr.red, moving: sgr.yellow, none: undefined } as const

/** Trees for people. A unit that comes again is not opened again. */
export function textOf(view: GraphView, output: Output): string {
  const { query } = view
  const lines: string[] = []
  if (query.unit === undefined) {
    for (const unit of view.units) if (view.graph.knows(unit)) tree(lines, view, waysOf(query)[0]!, unit, 1, output)
    return lines.join('')
  }
  for (const way of waysOf(query)) {
    if (query.direction === 'both') lines.push(way.ends === 'needs' ? 'depends on\n' : '\nis needed by\n')
    tree(lines, view, way, query.unit, query.depth, output)
  }
  return lines.join('')
}

function tree(lines: string[], view: GraphView, way: Way, root: string, depth: number, output: Output): void {
  const opened = new Set([root])
  lines.push(`${root}  ${state(root, view, output)}\n`)
  const below = (unit: string, indent: string, left: number): void => {
    const edges = way.edges(view.graph, unit, view.query.kinds)
    for (const [at, edge] of edges.entries()) {
      const end = way.end(edge)
      const last = at === edges.length - 1
      const again = opened.has(end) && way.edges(view.graph, end, view.query.kinds).length > 0
      const open = left > 1 && !opened.has(end)
      const names = way.ends === 'needs' ? shownKinds(edge, view.query) : inverses(edge, view)
      const more = again && left > 1 ? '  (see above)' : ''
      lines.push(`${indent}${last ? '└─' : '├─'} ${end}  ${names.join(', ')}  ${state(end, view, output)}${more}\n`)
      if (!open) continue
      opened.add(end)
      below(end, `${indent}${last ? '   ' : '│  '}`, left - 1)
    }
  }
  below(root, '', depth)
}

function inverses(edge: Parameters<typeof shownKinds>[0], { query }: GraphView): readonly string[] {
  const shown = new Set(shownKinds(edge, query))
  return kindNames(edge.kinds).flatMap((kind) => (shown.has(kind) ? inverseName(kind) : []))
}

function state(unit: string, { states }: GraphView, output: Output): string {
  const color = colors[health(unit, states)]
  const text = stateText(unit, states)
  return color === undefined ? text : paint(output, color, text)
}
