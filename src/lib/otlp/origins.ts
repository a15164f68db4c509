import { createHash } from 'node:crypto'
import type { AttributeValue } from '../../data/attributes.js'
import type { Resource } from '../../data/resource.js'
import { readAttribute, readRest, type Source } from './decode-common.js'
import { messages } from './messages.js'

/** Processes of a fleet, each with some scopes; past it the least recently used is forgotten. */
const kMaxKnown = 4096
/** Longer ones are decoded each time: all that are known take some 10 MB at most. */
const kMaxKeyBytes = 2048

/** Of ResourceX and ScopeX: field 1, which may stand anywhere, and others than the list, which is field 2. */
export interface ContainerHead {
  /** Where field 1 is, without its tag and length; empty where it is not there. */
  readonly from: number
  readonly to: number
  readonly rest: string
}

/**
 * Resources by their bytes and those of the scope: what comes again with every request is decoded once, and its records find
 * the same object.
 */
export class Origins {
  readonly #known = new Map<string, Resource>()

  /** Reads both from where they stand; the cursor stays where it is. */
  resource(source: Source, head: ContainerHead, scope: ContainerHead): Resource {
    const bytes = head.to - head.from + scope.to - scope.from + head.rest.length + scope.rest.length
    const key = keyOf(source, head, scope)
    // Whoever keeps something of a resource finds it by its key, so that large ones have one, too.
    if (bytes > kMaxKeyBytes) return read(source, `otlp ${digestOf(key)}`, head, scope)
    const known = this.#known.get(key)
    if (known !== undefined) {
      this.#known.delete(key)
      this.#known.set(key, known)
      return known
    }
    const before = { ...source.omitted }
    const resource = read(source, key, head, scope)
    // What lacks something is told of each time.
    const { ids, attributes, unknown } = source.omitted
    if (before.ids !== ids || before.attributes !== attributes || before.unknown !== unknown) return resource
    this.#known.set(key, resource)
    if (this.#known.size > kMaxKnown) this.#known.delete(this.#known.keys().next().value!)
    return resource
  }
}

/** The same for the same resource, scope and metadata, and for no others. */
function keyOf({ cursor, metadata }: Source, head: ContainerHead, scope: ContainerHead): string {
  const resourceKey = cursor.bytes.toString('latin1', head.from, head.to)
  const scopeKey = cursor.bytes.toString('latin1', scope.from, scope.to)
  // Lengths, so that no part can be taken for another's.
  const lengths = `${resourceKey.length} ${scopeKey.length} ${head.rest.length} ${scope.rest.length}`
  const whose = metadata === undefined ? '' : JSON.stringify(metadata)
  return `otlp ${lengths} ${resourceKey}${scopeKey}${head.rest}${scope.rest}${whose}`
}

function digestOf(key: string): string {
  return createHash('sha256').update(key, 'latin1').digest('base64url')
}

function read(source: Source, key: string, head: ContainerHead, scope: ContainerHead): Resource {
  const { cursor } = source
  const begin = cursor.at
  const attributes: Record<string, AttributeValue> = {}
  let rest = ''
  cursor.at = head.from
  while (cursor.at < head.to) {
    const from = cursor.at
    const tag = cursor.tag(head.to)
    if (tag === 10) readAttribute(source, head.to, attributes)
    else rest += readRest(source, messages.Resource, tag, from, head.to)
  }
  cursor.at = scope.from
  cursor.checkMessage(messages.InstrumentationScope, scope.to, 0)
  const origin = {
    scope: cursor.bytes.toString('latin1', scope.from, scope.to),
    resource: rest,
    resourceRecords: head.rest,
    scopeRecords: scope.rest,
    ...(source.metadata === undefined ? {} : { metadata: source.metadata }),
  }
  cursor.at = begin
  return Object.freeze({ key, attributes: Object.freeze(attributes), origin: Object.freeze(origin) })
}
