import type { SourcePosition } from '../errors.js'
import type { Path } from './problems.js'

/**
 * A configuration file as values that still know where they stand. Independent of the YAML library. An alias shares the
 * node of its anchor, so the tree is a graph without cycles; its expansion is bounded (see yaml.ts).
 */
export type Node = ScalarNode | ListNode | MapNode

export interface ScalarNode {
  readonly kind: 'scalar'
  readonly position: SourcePosition
  readonly value: string | number | boolean | null
  /** As written: `0123` for the number 123; of a substituted scalar, the text after substitution. */
  readonly text: string
  /** In quotes or a block: always a string. */
  readonly quoted: boolean
  /** Start and end in the file, for finding references in it. */
  readonly range: readonly [number, number]
  /** Set where a `${...}` stood in it. Its value may be a secret and is never shown. */
  readonly substituted?: Substituted
}

export interface Substituted {
  /** The references as messages show them, e.g. `${env:PORT}`. */
  readonly names: readonly string[]
  /** What they stood for. */
  readonly values: readonly string[]
  /** A reference could not be resolved: its problem is reported, and no other is to be made of this value. */
  readonly failed: boolean
}

export interface ListNode {
  readonly kind: 'list'
  readonly position: SourcePosition
  readonly items: readonly Node[]
}

export interface MapNode {
  readonly kind: 'map'
  readonly position: SourcePosition
  readonly entries: ReadonlyMap<string, Entry>
}

export interface Entry {
  readonly keyPosition: SourcePosition
  readonly node: Node
}

/** The node at a path below an entry, or the nearest one above it, and where a person should look. */
export function locate(entry: Entry, path: Path): { readonly node: Node; readonly position: SourcePosition } {
  let { node } = entry
  let position = placeOf(entry)
  for (const part of path) {
    if (node.kind === 'list') {
      const item = node.items[Number(part)]
      if (item === undefined) break
      node = item
      position = item.position
    } else if (node.kind === 'map') {
      const next = node.entries.get(String(part))
      if (next === undefined) break
      node = next.node
      position = placeOf(next)
    } else break
  }
  return { node, position }
}

/** A value is wrong where it stands; a collection, or nothing, is easier found by its key. */
function placeOf({ node, keyPosition }: Entry): SourcePosition {
  return node.kind === 'scalar' && node.text !== '' ? node.position : keyPosition
}

/** Calls `visit` for each scalar, once per place it stands at. */
export function eachScalar(node: Node, visit: (scalar: ScalarNode) => void): void {
  if (node.kind === 'scalar') visit(node)
  else if (node.kind === 'list') for (const item of node.items) eachScalar(item, visit)
  else for (const entry of node.entries.values()) eachScalar(entry.node, visit)
}

/** Whether a reference below could not be resolved, so that what is said about the value would be noise. */
export function hasFailed(node: Node): boolean {
  let failed = false
  eachScalar(node, (scalar) => {
    failed ||= scalar.substituted?.failed === true
  })
  return failed
}
