import type { Schema } from '../component/schema.js'
import { parseDuration } from '../util/duration.js'
import { parseSize } from '../util/size.js'
import type { Node, ScalarNode } from './tree.js'
import { violations } from './violations.js'

/**
 * A node as a plain value, for the validator. Objects have no prototype. The schema decides two things YAML leaves open:
 * what a reference brought is text where text is due (a password `123456` is no number), and an object left empty
 * (`tls:` and nothing more) is an object with all its defaults.
 */
export function plainOf(node: Node, schema: Schema | undefined): unknown {
  const fit = schema === undefined ? undefined : branchFor(schema, node)
  if (node.kind === 'scalar') {
    if (node.value === null && node.substituted === undefined && kindOf(fit) === 'object') return Object.create(null)
    return wantsText(node, schema) ? node.text : node.value
  }
  if (node.kind === 'list') {
    const items = fit !== undefined && 'items' in fit ? fit.items : undefined
    return node.items.map((item) => plainOf(item, items))
  }
  const object: Record<string, unknown> = Object.create(null)
  for (const [key, entry] of node.entries) object[key] = plainOf(entry.node, childSchema(fit, key))
  return object
}

/**
 * A valid plain value as its component receives it: defaults filled in, durations in milliseconds, sizes in bytes,
 * frozen all the way down.
 */
export function finish(value: unknown, schema: Schema): unknown {
  if ('anyOf' in schema) {
    const branch = schema.anyOf.find((candidate) => violations(candidate, value).length === 0)
    if (branch === undefined) throw new Error('a value fits no branch of its schema: is a default wrong?')
    return finish(value, branch)
  }
  if (schema.type === 'string' && schema.format === 'duration') return numberOf(parseDuration(String(value)))
  if (schema.type === 'string' && schema.format === 'size') return numberOf(parseSize(String(value)))
  if (schema.type === 'array')
    return Object.freeze((value as readonly unknown[]).map((item) => finish(item, schema.items)))
  if (schema.type !== 'object') return value

  const given = value as Readonly<Record<string, unknown>>
  const object: Record<string, unknown> = Object.create(null)
  if ('additionalProperties' in schema) {
    for (const [key, item] of Object.entries(given)) object[key] = finish(item, schema.additionalProperties)
  } else {
    for (const [key, property] of Object.entries(schema.properties)) {
      const item = Object.hasOwn(given, key) ? given[key] : property.default
      if (item !== undefined) object[key] = finish(item, property)
    }
  }
  return Object.freeze(object)
}

/** The schema of a key's value, as far as the schema tells. */
export function childSchema(schema: Schema | undefined, key: string): Schema | undefined {
  if (schema === undefined) return undefined
  if ('additionalProperties' in schema) return schema.additionalProperties
  return 'properties' in schema && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined
}

/** The branch of a union that a node's shape chooses; other schemas are their own branch. */
export function branchFor(schema: Schema, node: Node): Schema {
  if (!('anyOf' in schema)) return schema
  const shape = node.kind === 'list' ? 'array' : node.kind === 'map' ? 'object' : undefined
  return schema.anyOf.find((branch) => kindOf(branch) === shape) ?? schema
}

function kindOf(schema: Schema | undefined): string | undefined {
  return schema !== undefined && 'type' in schema ? schema.type : undefined
}

function wantsText(node: ScalarNode, schema: Schema | undefined): boolean {
  if (schema === undefined || node.substituted === undefined || node.substituted.failed) return false
  if (!('anyOf' in schema)) return kindOf(schema) === 'string'
  const kinds = schema.anyOf.map(kindOf)
  const asRead = typeof node.value === 'number' ? ['number', 'integer'] : [typeof node.value]
  return kinds.includes('string') && !kinds.some((kind) => kind !== undefined && asRead.includes(kind))
}

function numberOf(parsed: number | { readonly reason: string }): number {
  if (typeof parsed === 'number') return parsed
  throw new Error(`a validated value cannot be read: ${parsed.reason}`)
}
