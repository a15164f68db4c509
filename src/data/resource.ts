import type { Attributes, EncodedFields } from './attributes.js'

/** One observed entity (host, unit, container, ...). Records point to it, so exporters group by identity. */
export interface Resource {
  readonly key: string
  readonly attributes: Attributes
  /** Who made its records, where that was not this agent. */
  readonly origin?: Origin
}

/** What came with the records of another program: they are sent on as its own. */
export interface Origin {
  /** InstrumentationScope. */
  readonly scope: EncodedFields
  /** Of the resource itself, beside its attributes; of the message around it, and of that around the scope: schema URLs. */
  readonly resource: EncodedFields
  readonly resourceRecords: EncodedFields
  readonly scopeRecords: EncodedFields
  /** Of the request's headers, those that are to be sent on with the records: whose they are. */
  readonly metadata?: Metadata
}

/** Names in lower case. */
export type Metadata = Readonly<Record<string, string>>

/** Enough for a large host's units and containers; past it the least recently used entity is forgotten. */
const kMaxResources = 65_536

/**
 * Interns resources: the same key yields the same object until it is evicted. Bounded, least recently used goes first.
 *
 * @param host - what each resource is to say of the machine
 */
export class ResourcePool {
  readonly #byKey = new Map<string, Resource>()
  readonly host: Attributes
  readonly #max: number

  constructor(host: Attributes = {}, max: number = kMaxResources) {
    this.host = Object.freeze({ ...host })
    this.#max = max
  }

  get size(): number {
    return this.#byKey.size
  }

  /** Returns the resource of `key`, made with `attributes()` when it is new. What a known key stands for never changes. */
  intern(key: string, attributes: () => Attributes, origin?: Origin): Resource {
    const known = this.#byKey.get(key)
    if (known !== undefined) {
      this.#byKey.delete(key)
      this.#byKey.set(key, known)
      return known
    }
    const own = { key, attributes: Object.freeze({ ...attributes() }) }
    const resource: Resource = Object.freeze(origin === undefined ? own : { ...own, origin })
    this.#byKey.set(key, resource)
    if (this.#byKey.size > this.#max) {
      const oldest = this.#byKey.keys().next().value
      if (oldest !== undefined) this.#byKey.delete(oldest)
    }
    return resource
  }
}
