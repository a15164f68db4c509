import type { ObjectSchema, Schema, StringSchema, UnionSchema } from '../component/schema.js'
import type { ConfigErrorCode } from '../errors.js'
import { hint } from '../util/did-you-mean.js'
import { named, oneOf, shown, told, wanted } from './describe.js'
import { formats } from './formats.js'
import { type Path, type Problems, valueWithoutSignIn } from './problems.js'
import { type Entry, hasFailed, locate, type MapNode, type Node } from './tree.js'
import type { UnionViolation, Violation } from './violations.js'

/**
 * Turns the rules that a value breaks into reasons a person can act on, at their places in the file.
 *
 * @param entry - what was validated; `path` leads to it from the top of the file
 */
export function explain(found: readonly Violation[], entry: Entry, path: Path, problems: Problems): void {
  for (const violation of found.flatMap(settle)) {
    const { node, position } = locate(entry, violation.path)
    // Where a reference failed there is no value to speak of; that it failed has been said.
    if (violation.rule === 'anyOf' ? hasFailed(node) : node.kind === 'scalar' && hasFailed(node)) continue
    // The reason would not be read, and to look for the word that was meant takes its time.
    if (problems.full) {
      problems.leaveOut()
      continue
    }
    const at = [...path, ...violation.path]
    if (violation.rule === 'additionalProperties') {
      const { key, schema } = violation
      const place = (node as MapNode).entries.get(key)?.keyPosition ?? position
      problems.add('CFG_UNKNOWN_KEY', place, [...at, key], unknownKeyOf(schema, key))
    } else if (violation.rule === 'required') {
      problems.add('CFG_VALUE', position, [...at, violation.key], 'is required')
    } else {
      const code: ConfigErrorCode = violation.rule === 'type' || violation.rule === 'anyOf' ? 'CFG_TYPE' : 'CFG_VALUE'
      problems.add(code, position, at, reasonOf(violation, node))
    }
  }
}

function unknownKeyOf({ properties, renamed = {} }: ObjectSchema, key: string): string {
  const now = Object.hasOwn(renamed, key) ? renamed[key] : undefined
  return now === undefined ? unknownKey(key, Object.keys(properties)) : `is called "${now}" here`
}

/** `is not a key here`, with the key that was meant or the keys there are. */
export function unknownKey(key: string, known: readonly string[]): string {
  const meant = hint(key, known)
  if (meant !== '') return `is not a key here${meant}`
  if (known.length === 0) return 'is not a key here; there are none'
  const more = known.length > kMaxListedKeys ? ', ...' : ''
  return `is not a key here; the keys are ${known.slice(0, kMaxListedKeys).join(', ')}${more}`
}

const kMaxListedKeys = 16

/**
 * Where the value has the shape of just one branch of a union, that branch's complaints are the useful ones; otherwise one
 * line names all branches.
 */
function settle(violation: Violation): readonly Violation[] {
  if (violation.rule !== 'anyOf') return [violation]
  const fitting = violation.branches.filter((_, at) => hasShape(violation.value, violation.schema.anyOf[at]!))
  const [only] = fitting
  return only === undefined || fitting.length > 1 || only.some((one) => isNotOneOf(one, violation))
    ? [violation]
    : only.flatMap(settle)
}

/** A word or number that is none of the allowed ones: the other branches of its union may be what was meant. */
function isNotOneOf(violation: Violation, union: UnionViolation): boolean {
  if (violation.path.length > union.path.length) return false
  if (violation.rule === 'anyOf') return violation.branches.flat().some((one) => isNotOneOf(one, union))
  return violation.rule === 'enum' || violation.rule === 'format' || violation.rule === 'pattern'
}

function hasShape(value: unknown, schema: Schema): boolean {
  if ('anyOf' in schema) return schema.anyOf.some((branch) => hasShape(value, branch))
  const shape = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value
  return schema.type === 'integer' ? shape === 'number' : schema.type === shape
}

type Other = Exclude<Violation, { readonly rule: 'additionalProperties' | 'required' }>

function reasonOf(violation: Other, node: Node): string {
  const secret = holdsSecret(violation.schema)
  switch (violation.rule) {
    case 'type':
      return typeReason(violation.schema, node, secret)
    case 'anyOf':
      return `expected ${wanted(violation.schema)}, got ${shown(node, secret)}`
    case 'format':
      return formatReason(violation.schema, node, secret)
    case 'enum':
      return enumReason(violation.schema.enum ?? [], node, secret)
    case 'minimum':
      return `must be at least ${violation.schema.minimum}${butIs(node, secret)}`
    case 'maximum':
      return `must be at most ${violation.schema.maximum}${butIs(node, secret)}`
    case 'minLength': {
      const { minLength } = violation.schema
      return minLength === 1 ? 'must not be empty' : `must have at least ${minLength} characters`
    }
    case 'maxLength':
      return `must have at most ${violation.schema.maxLength} characters`
    case 'pattern': {
      const { pattern, form } = violation.schema
      if (pattern === '^/' || pattern === '^(/.*)?$')
        return secret
          ? 'must be an absolute path, not the secret itself'
          : `must be an absolute path${butIs(node, secret)}`
      return `${named(node, secret)} ${form === undefined ? `does not match the pattern ${pattern}` : `is not ${form}`}`
    }
    case 'minItems': {
      const { minItems } = violation.schema
      return minItems === 1 ? 'must not be an empty list' : `must have at least ${minItems} entries`
    }
    case 'maxItems':
      return `must have at most ${violation.schema.maxItems} entries`
    case 'maxProperties':
      return `must have at most ${violation.schema.maxProperties} entries`
  }
}

/** Whether a schema, or what it holds, is a secret or the path of one: a secret in the wrong place is one still. */
function holdsSecret(schema: Schema): boolean {
  if ('anyOf' in schema) return schema.anyOf.some(holdsSecret)
  if (schema.type === 'array') return holdsSecret(schema.items)
  if (schema.type !== 'object')
    return 'format' in schema && (schema.format === 'secret' || schema.format === 'secret_file')
  if ('additionalProperties' in schema) return holdsSecret(schema.additionalProperties)
  return Object.values(schema.properties).some(holdsSecret)
}

/** `, is 5`: the value that is out of bounds, where it may be told. */
export function butIs(node: Node, secret: boolean): string {
  const text = told(node, secret) ?? ''
  return text === '' ? '' : `, is ${text}`
}

function typeReason(schema: Exclude<Schema, UnionSchema>, node: Node, secret: boolean): string {
  const general = `expected ${wanted(schema)}, got ${shown(node, secret)}`
  const text = told(node, secret)
  if (node.kind !== 'scalar' || text === undefined || node.value === null) return general
  // A bare number there lacks its unit, or its host: the format knows what to write.
  if (schema.type === 'string' && ['duration', 'size', 'endpoint', 'wall_time'].includes(schema.format ?? ''))
    return formatReason(schema, node, secret)
  // What was cut, or taken out of it, is nothing to write.
  if (text !== node.text) return general
  switch (schema.type) {
    case 'string':
      return `${general}: put it in quotes, "${text}"`
    case 'array':
      return `${general}: did you mean [${node.quoted ? `"${text}"` : text}]?`
    case 'boolean':
      if (node.quoted && /^(true|false)$/.test(text)) return `${general}: remove the quotes`
      if (/^(yes|on|y|1)$/i.test(text)) return `${general}: did you mean true?`
      return /^(no|off|n|0)$/i.test(text) ? `${general}: did you mean false?` : general
    case 'integer':
    case 'number': {
      if (node.quoted && /^[0-9.]+$/.test(text)) return `${general}: remove the quotes`
      const share = /^(\d{1,6}(?:\.\d{1,6})?) ?%$/.exec(text)
      return share === null ? general : `${general}: did you mean ${ofPercent(Number(share[1]), schema.maximum)}?`
    }
    default:
      return general
  }
}

/** As the key wants it: a share of 1, or so many percent. */
function ofPercent(percent: number, maximum = Number.POSITIVE_INFINITY): number {
  return maximum <= 1 ? Number((percent / 100).toPrecision(6)) : percent
}

function formatReason(schema: StringSchema, node: Node, secret: boolean): string {
  const rule = formats[schema.format!]
  const mayQuote = node.kind === 'scalar' && told(node, secret) !== undefined
  return (
    (mayQuote ? rule.complaint(valueWithoutSignIn(node.text)) : undefined) ??
    `expected ${rule.noun}, got ${shown(node, secret)}`
  )
}

function enumReason(allowed: readonly string[], node: Node, secret: boolean): string {
  const text = told(node, secret)
  if (text === undefined) return `expected ${oneOf(allowed)}, got ${shown(node, secret)}`
  return `"${text}" is not ${oneOf(allowed)}${hint(text, allowed)}`
}
