import type { Attributes } from '../../data/attributes.js'
import type { Resource } from '../../data/resource.js'
import { keyOfAttributes } from '../../lib/openmetrics/labels.js'

/** Part of a series' labels, ready for the page. */
export interface LabelPart {
  readonly text: string
  /** Whether a name in it may also be one of the resource's labels; then the two cannot simply be joined. */
  readonly mixes: boolean
}

/** What many series have in common and the store holds once: a resource, or a set of attributes. */
export interface Shared<T> {
  /** Of no other one of this pool, ever. */
  readonly id: number
  readonly key: string
  content: T
  /** How many series have it; without any it is forgotten. */
  series: number
  /** Its labels, as far as they were asked for (Labelled); null where it has no place on the page. */
  parts: (LabelPart | null | undefined)[]
}

export type SharedResource = Shared<Resource>
export type SharedAttributes = Shared<Attributes>

/** One object for all contents of the same key, so that series are told apart by identity instead of by a text each. */
export class SharedPool<T extends Resource | Attributes> {
  readonly #keyOf: (content: T) => string
  readonly #same: (one: T, other: T) => boolean
  readonly #byKey = new Map<string, Shared<T>>()
  #last: Shared<T> | undefined
  #ids = 0
  #described = 0
  #version = 0

  constructor(keyOf: (content: T) => string, same: (one: T, other: T) => boolean) {
    this.#keyOf = keyOf
    this.#same = same
  }

  /** How often one was described anew: its labels may be others. */
  get described(): number {
    return this.#described
  }

  /** Another one when any was added, forgotten or described anew. */
  get version(): number {
    return this.#version
  }

  /** In the order in which they were added. */
  all(): Iterable<Shared<T>> {
    return this.#byKey.values()
  }

  find(content: T): Shared<T> | undefined {
    const last = this.#last
    if (last !== undefined && last.content === content && last.series > 0) return last
    const known = this.#byKey.get(this.#keyOf(content))
    if (known === undefined) return undefined
    this.#last = known
    if (known.content === content) return known
    // Forgotten by the source and made anew, perhaps with more to tell: all its series tell it from now on.
    if (!this.#same(known.content, content)) {
      known.parts = []
      this.#described++
      this.#version++
    }
    known.content = content
    return known
  }

  /** The caller counts its series, or it is never released. */
  add(content: T): Shared<T> {
    const key = this.#keyOf(content)
    const shared: Shared<T> = { id: this.#ids++, key, content, series: 0, parts: [] }
    this.#byKey.set(key, shared)
    this.#version++
    return shared
  }

  release(shared: Shared<T>): void {
    if (--shared.series > 0) return
    this.#byKey.delete(shared.key)
    this.#version++
  }
}

export function resourcePool(): SharedPool<Resource> {
  return new SharedPool<Resource>(
    ({ key }) => key,
    (one, other) => sameAttributes(one.attributes, other.attributes),
  )
}

export function attributesPool(): SharedPool<Attributes> {
  return new SharedPool<Attributes>(keyOfAttributes, () => true)
}

/** Same names and values, whatever the order; lists only when they are the same list. */
export function sameAttributes(one: Attributes, other: Attributes): boolean {
  let surplus = 0
  for (const name in one) {
    if (one[name] !== other[name]) return false
    surplus++
  }
  for (const _ in other) surplus--
  return surplus === 0
}
