import type { SourcePosition } from '../errors.js'
import { formatPath, type Path, type Problems, printable } from './problems.js'
import type { Entry, Node } from './tree.js'

/** Deeper than any component's schema, and shallow enough for every recursive walk. */
export const kMaxDepth = 64
/** `*name` uses in a file. The number alone does not stop a bomb (9 aliases to 9 aliases to ...); the next limit does. */
const kMaxAliases = 100
/** Values after all aliases are expanded: ten times the largest sensible file. */
const kMaxNodes = 50_000

/** Keys that mean something to JavaScript objects (prototype pollution), whatever component they are meant for. */
const forbiddenKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/** What the builder needs to know of a parsed YAML node. Children are read when it is their turn. */
export type YamlView =
  | (ViewHead & { readonly kind: 'scalar'; readonly value: unknown; readonly text: string; readonly quoted: boolean })
  | (ViewHead & { readonly kind: 'list'; readonly items: readonly (() => YamlView)[] })
  | (ViewHead & { readonly kind: 'map'; readonly pairs: readonly (readonly [YamlView, () => YamlView])[] })
  | { readonly kind: 'alias'; readonly source: string; readonly range: Range | undefined }

type Range = readonly [number, number]
interface ViewHead {
  readonly range: Range | undefined
  readonly tag?: string
  readonly anchor?: string
}

interface Built {
  readonly node: Node
  /** Nodes and levels below and with it, aliases expanded. */
  readonly weight: number
  readonly height: number
}

/** Turns parsed YAML into a tree and refuses what has no place in a configuration. */
export class TreeBuilder {
  readonly #problems: Problems
  readonly #at: (offset: number) => SourcePosition
  /** By anchor; `open` while the anchored value itself is being read, so that a loop is seen. */
  readonly #anchors = new Map<string, Built | 'open'>()
  #aliases = 0
  #lastOffset = 0
  #tooMuch = false

  constructor(problems: Problems, at: (offset: number) => SourcePosition) {
    this.#problems = problems
    this.#at = at
  }

  build(view: YamlView, path: Path): Node {
    return this.#read(view, path, 1).node
  }

  #read(view: YamlView, path: Path, depth: number): Built {
    const offset = view.range?.[0] ?? this.#lastOffset
    this.#lastOffset = offset
    const position = this.#at(offset)
    const nothing: Built = {
      node: { kind: 'scalar', position, value: null, text: '', quoted: false, range: [offset, offset] },
      weight: 1,
      height: 1,
    }
    if (this.#tooMuch) return nothing
    if (depth > kMaxDepth) return this.#stop(position, path, `nested deeper than ${kMaxDepth} levels`) ?? nothing
    if (view.kind === 'alias') return this.#alias(view.source, position, path, depth) ?? nothing
    if (view.tag !== undefined)
      this.#problems.add('CFG_FORBIDDEN', position, path, 'tags such as !name or !!str are not supported; remove it')

    if (view.anchor !== undefined) this.#anchors.set(view.anchor, 'open')
    let built: Built
    if (view.kind === 'scalar') {
      const { text, quoted } = view
      built = {
        ...nothing,
        node: {
          kind: 'scalar',
          position,
          value: scalarOf(view.value),
          text,
          quoted,
          range: view.range ?? [offset, offset],
        },
      }
    } else if (view.kind === 'list') {
      const items = view.items.map((item, index) => this.#read(item(), [...path, index], depth + 1))
      built = sum({ kind: 'list', position, items: items.map((item) => item.node) }, items)
    } else {
      built = this.#map(view.pairs, position, path, depth)
    }
    if (view.anchor !== undefined) this.#anchors.set(view.anchor, built)
    if (built.weight > kMaxNodes)
      return this.#stop(position, path, `holds more than ${kMaxNodes} values, aliases expanded`) ?? nothing
    return built
  }

  #map(
    pairs: readonly (readonly [YamlView, () => YamlView])[],
    position: SourcePosition,
    path: Path,
    depth: number,
  ): Built {
    const entries = new Map<string, Entry>()
    const children: Built[] = []
    for (const [keyView, value] of pairs) {
      const keyPosition = this.#at(keyView.range?.[0] ?? this.#lastOffset)
      const key = this.#key(keyView, keyPosition, path)
      const child = this.#read(value(), key === undefined ? path : [...path, key], depth + 1)
      if (key === undefined) continue
      const first = entries.get(key)
      if (first === undefined) {
        entries.set(key, { keyPosition, node: child.node })
        children.push(child)
      } else {
        const reason = `is here a second time; the first is on line ${first.keyPosition.line}`
        this.#problems.add('CFG_FORBIDDEN', keyPosition, [...path, key], reason)
      }
    }
    return sum({ kind: 'map', position, entries }, children)
  }

  /** A key's text, or undefined after a complaint. Keys are text whatever they look like: `404: x` has the key "404". */
  #key(view: YamlView, position: SourcePosition, path: Path): string | undefined {
    let reason: string | undefined
    if (view.kind !== 'scalar') reason = 'a key must be plain text'
    else if (view.tag !== undefined) reason = 'tags such as !name or !!str are not supported; remove it'
    else if (view.text === '' && !view.quoted) reason = 'a key is empty; put a name before the ":"'
    else if (view.text === '<<')
      reason = 'merge keys (<<) are not supported; write the keys out, or use an alias for a whole value'
    else if (forbiddenKeys.has(view.text)) reason = `"${view.text}" is not allowed as a key`
    else if (/\$\{(env|file):/.test(view.text)) reason = 'references are replaced in values only, not in keys'
    else {
      if (view.anchor !== undefined) this.#anchors.delete(view.anchor)
      return view.text
    }
    this.#problems.add('CFG_FORBIDDEN', position, path, reason)
    return undefined
  }

  #alias(source: string, position: SourcePosition, path: Path, depth: number): Built | undefined {
    this.#aliases++
    const target = this.#anchors.get(source)
    const name = printable(source)
    if (this.#aliases > kMaxAliases)
      return this.#stop(position, path, `more than ${kMaxAliases} aliases (*name) in one file`)
    // Its name is not told: what looks like an alias may be a password without quotes.
    if (target === undefined)
      this.#problems.add(
        'CFG_REFERENCE',
        position,
        path,
        'is an alias (*name) without its anchor (&name) above it; text that begins with * must be put in quotes, such as "*.mount"',
      )
    else if (target === 'open')
      this.#problems.add('CFG_FORBIDDEN', position, path, `the alias *${name} contains itself`)
    else if (depth + target.height - 1 > kMaxDepth)
      return this.#stop(position, path, `nested deeper than ${kMaxDepth} levels by the alias *${name}`)
    else return target
    return undefined
  }

  /** Says it once and stops looking: what follows a broken limit is not worth reading. */
  #stop(position: SourcePosition, path: Path, reason: string): undefined {
    this.#tooMuch = true
    // A path of 64 keys says less than the place does.
    this.#problems.add('CFG_LIMIT', position, formatPath(path).length > 100 ? [] : path, reason)
    return undefined
  }
}

function sum(node: Node, children: readonly Built[]): Built {
  let weight = 1
  let height = 0
  for (const child of children) {
    weight += child.weight
    height = Math.max(height, child.height)
  }
  return { node, weight, height: height + 1 }
}

function scalarOf(value: unknown): string | number | boolean | null {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return value
  throw new Error(`the YAML core schema has no ${typeof value}`)
}
