import { kindsOf } from '../lib/dependencies/edge-kinds.js'
import { type GraphView, health, shownKinds, stateText } from './graph-view.js'
import { jsonText } from './json-text.js'

/** Drawn with a full line: one cannot run, or go on, without the other. */
const firm = kindsOf('Requires', 'Requisite', 'BindsTo', 'StopPropagatedFrom')

const fills = { good: 'palegreen', bad: 'lightcoral', moving: 'khaki', none: 'white' } as const

/** Graphviz (graphviz.org/doc/info/lang.html). */
export function dotOf({ units, edges, states, query }: GraphView): string {
  return [
    'digraph units {\n',
    '  rankdir=LR\n',
    '  node [shape=box, style=filled, fontname="sans-serif"]\n',
    '  edge [fontname="sans-serif", fontsize=10]\n',
    ...units.map((unit) => {
      const label = `${dotText(unit)}\\n${dotText(stateText(unit, states))}`
      return `  "${dotText(unit)}" [label="${label}", fillcolor=${fills[health(unit, states)]}]\n`
    }),
    ...edges.map((edge) => {
      const style = (edge.kinds & query.kinds & firm) === 0 ? ', style=dashed' : ''
      const label = shownKinds(edge, query).join(', ')
      return `  "${dotText(edge.from)}" -> "${dotText(edge.to)}" [label="${label}"${style}]\n`
    }),
    '}\n',
  ].join('')
}

/** In a quoted string of DOT `\` begins an escape (of a label), and unit names hold it: `dev-disk-by\x2duuid`. */
function dotText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')
}

/** Mermaid's flowchart (mermaid.js.org/syntax/flowchart.html), as GitHub and GitLab draw it in Markdown. */
export function mermaidOf({ units, edges, states, query }: GraphView): string {
  const ids = new Map(units.map((unit, at) => [unit, `u${at}`]))
  return [
    'flowchart LR\n',
    ...units.map((unit) => {
      return `  ${ids.get(unit)}["${mermaidText(unit)}<br>${mermaidText(stateText(unit, states))}"]:::${health(unit, states)}\n`
    }),
    ...edges.map((edge) => {
      const arrow = (edge.kinds & query.kinds & firm) === 0 ? '-.->' : '-->'
      return `  ${ids.get(edge.from)} ${arrow}|${shownKinds(edge, query).join(', ')}| ${ids.get(edge.to)}\n`
    }),
    '  classDef good fill:#98fb98\n',
    '  classDef bad fill:#f08080\n',
    '  classDef moving fill:#f0e68c\n',
    '  classDef none fill:#ffffff\n',
  ].join('')
}

/** Mermaid's own entities: in quotes only these two are special. */
function mermaidText(text: string): string {
  return text.replaceAll('#', '#35;').replaceAll('"', '#quot;')
}

/** For programs; the shape is described in the command's page of the README. */
export function jsonOf({ units, edges, states, query }: GraphView): string {
  const value = {
    ...(query.unit === undefined ? {} : { unit: query.unit, direction: query.direction, depth: query.depth }),
    units: units.map((name) => {
      const known = states.get(name)
      if (known === undefined) return { name, load_state: 'not-loaded' }
      const { loadState, activeState, subState } = known
      return { name, load_state: loadState, active_state: activeState, sub_state: subState }
    }),
    edges: edges.map((edge) => ({ from: edge.from, to: edge.to, kinds: shownKinds(edge, query) })),
  }
  return jsonText(value)
}
