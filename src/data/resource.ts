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

/** Of each part of an origin in a state file. Schema URLs and scopes have some hundred bytes. */
const kMaxSavedFields = 4096
/** The `otlp` receiver keeps 8 headers at most. */
const kMaxMetadata = 8

/** Whether JSON read from a file is an origin. */
export function isOrigin(json: unknown): boolean {
  if (typeof json !== 'object' || json === null) return false
  const { scope, resource, resourceRecords, scopeRecords, metadata } = json as Record<string, unknown>
  if (![scope, resource, resourceRecords, scopeRecords].every(isFields)) return false
  if (metadata === undefined) return true
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) return false
  const values = Object.entries(metadata)
  return values.length <= kMaxMetadata && values.flat().every(isName)
}

/** A character for each byte. */
function isFields(text: unknown): boolean {
  return (
    typeof text === 'string' &&
    text.length <= kMaxSavedFields &&
    Buffer.from(text, 'latin1').toString('latin1') === text
  )
}

/** What the `otlp` receiver takes for the name of a header or its value: it becomes one again. */
function isName(text: unknown): boolean {
  return typeof text === 'string' && text.length <= 256 && /^[\x20-\x7e]+$/.test(text)
}

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
