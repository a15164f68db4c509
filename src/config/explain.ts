import type { ErrorObject } from 'ajv/dist/2020.js'
import type { ConfigErrorCode } from '../errors.js'
import { hint } from '../util/did-you-mean.js'
import { joinWords, mayShow, oneOf, shown, wanted } from './describe.js'
import { formats } from './formats.js'
import { type Path, type Problems, printable } from './problems.js'
import { type Entry, hasFailed, locate, type MapNode, type Node, type ScalarNode } from './tree.js'
import type { JsonSchema } from './validator.js'

/**
 * Turns what ajv found into reasons a person can act on, at their places in the file.
 *
 * @param entry - what was validated; `path` leads to it from the top of the file
 */
export function explain(errors: readonly ErrorObject[], entry: Entry, path: Path, problems: Problems): void {
  for (const error of settleUnions(errors)) {
    const below = pathOf(error.instancePath, entry.node)
    const { node, position } = locate(entry, below)
    // Where a reference failed there is no value to speak of; that it failed has been said.
    if (error.keyword === 'anyOf' ? hasFailed(node) : node.kind === 'scalar' && hasFailed(node)) continue
    // The reason would not be read, and to look for the word that was meant takes its time.
    if (problems.full) {
      problems.leaveOut()
      continue
    }
    const at = [...path, ...below]
    if (error.keyword === 'additionalProperties') {
      const key = String(error.params['additionalProperty'])
      const place = (node as MapNode).entries.get(key)?.keyPosition ?? position
      problems.add('CFG_UNKNOWN_KEY', place, [...at, key], unknownKeyReason(key, error.parentSchema ?? {}))
    } else if (error.keyword === 'required') {
      problems.add('CFG_VALUE', position, [...at, String(error.params['missingProperty'])], 'is required')
    } else {
      const code: ConfigErrorCode = error.keyword === 'type' || error.keyword === 'anyOf' ? 'CFG_TYPE' : 'CFG_VALUE'
      problems.add(code, position, at, reasonOf(error, node))
    }
  }
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

function unknownKeyReason(key: string, schema: JsonSchema): string {
  return unknownKey(key, Object.keys((schema['properties'] as object | undefined) ?? {}))
}

/** As many as problems are listed; each is sought among all, and a list may hold 40,000. */
const kMaxUnions = 100

/**
 * ajv reports each branch of a failed union and the union itself. Where the value has the shape of just one branch, that
 * branch's complaints are the useful ones; otherwise one line names all branches.
 */
function settleUnions(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  let rest = [...errors]
  const unions = errors.filter((e) => e.keyword === 'anyOf').sort((a, b) => a.schemaPath.length - b.schemaPath.length)
  for (const union of unions.slice(0, kMaxUnions)) {
    if (!rest.includes(union)) continue
    const isBelow = (e: ErrorObject): boolean =>
      e.schemaPath.startsWith(`${union.schemaPath}/`) && `${e.instancePath}/`.startsWith(`${union.instancePath}/`)
    const branches = (union.schema as readonly JsonSchema[]).flatMap((branch, index) =>
      hasShape(union.data, branch) ? [`${union.schemaPath}/${index}/`] : [],
    )
    const [only] = branches
    const settled = branches.length === 1 && only !== undefined
    const offBranch =
      settled &&
      rest.some((e) => isNotOneOf(e) && e.instancePath === union.instancePath && e.schemaPath.startsWith(only))
    rest =
      settled && !offBranch
        ? rest.filter((e) => e !== union && (!isBelow(e) || e.schemaPath.startsWith(only)))
        : rest.filter((e) => !isBelow(e))
  }
  // What else is wrong with a value of the wrong type is an echo. Sought by place: there may be 40,000 of them.
  const wrongTypes = new Map<string, JsonSchema[]>()
  for (const { keyword, instancePath, parentSchema = {} } of rest) {
    if (keyword !== 'type') continue
    const there = wrongTypes.get(instancePath)
    if (there === undefined) wrongTypes.set(instancePath, [parentSchema])
    else there.push(parentSchema)
  }
  return rest.filter((e) => e.keyword === 'type' || !wrongTypes.get(e.instancePath)?.includes(e.parentSchema ?? {}))
}

/** A word or number that is none of the allowed ones: the other branches of its union may be what was meant. */
function isNotOneOf(error: ErrorObject): boolean {
  return error.keyword === 'enum' || error.keyword === 'format' || error.keyword === 'pattern'
}

function hasShape(data: unknown, schema: JsonSchema): boolean {
  if (Array.isArray(schema['anyOf'])) return schema['anyOf'].some((branch) => hasShape(data, branch))
  const shape = Array.isArray(data) ? 'array' : data === null ? 'null' : typeof data
  return schema['type'] === 'integer' ? shape === 'number' : schema['type'] === shape
}

function reasonOf(error: ErrorObject, node: Node): string {
  const schema = error.parentSchema ?? {}
  const { params } = error
  const secret = holdsSecret(schema)
  const limit = Number(params['limit'])
  switch (error.keyword) {
    case 'type':
      return typeReason(schema, node, secret)
    case 'anyOf':
      return `expected ${joinWords([...new Set((error.schema as readonly JsonSchema[]).map(wanted))])}, got ${shown(node, secret)}`
    case 'format':
      return formatReason(schema, node, secret)
    case 'enum':
      return enumReason((params['allowedValues'] as readonly unknown[]).map(String), node, secret)
    case 'minimum':
      return `must be at least ${limit}${butIs(node)}`
    case 'maximum':
      return `must be at most ${limit}${butIs(node)}`
    case 'minLength':
      return limit === 1 ? 'must not be empty' : `must have at least ${limit} characters`
    case 'maxLength':
      return `must have at most ${limit} characters`
    case 'pattern':
      if (params['pattern'] === '^/') return `must be an absolute path${butIs(node)}`
      return `${patternSubject(node, secret)} does not match the pattern ${params['pattern']}`
    case 'minItems':
      return limit === 1 ? 'must not be an empty list' : `must have at least ${limit} entries`
    case 'maxItems':
    case 'maxProperties':
      return `must have at most ${limit} entries`
    default:
      return `breaks the rule "${error.keyword}" of its schema`
  }
}

/** Whether a schema, or what it holds, is of format `secret`: a secret in the wrong place is one still. */
function holdsSecret(schema: JsonSchema): boolean {
  const { format, anyOf, items, additionalProperties, properties } = schema
  const within = [anyOf, properties, [items, additionalProperties]].flatMap((some) => Object.values(some ?? {}))
  return format === 'secret' || within.some((part) => typeof part === 'object' && part !== null && holdsSecret(part))
}

function patternSubject(node: Node, secret: boolean): string {
  if (mayShow(node, secret)) return `"${printable((node as ScalarNode).text)}"`
  return secret ? 'the secret' : shown(node)
}

function butIs(node: Node): string {
  return mayShow(node) ? `, is ${printable((node as ScalarNode).text)}` : ''
}

function typeReason(schema: JsonSchema, node: Node, secret: boolean): string {
  const general = `expected ${wanted(schema)}, got ${shown(node, secret)}`
  if (node.kind !== 'scalar' || !mayShow(node, secret) || node.value === null) return general
  // A bare number there lacks its unit, or its host: the format knows what to write.
  if (['duration', 'size', 'endpoint'].includes(String(schema['format']))) return formatReason(schema, node, secret)
  const text = printable(node.text)
  switch (schema['type']) {
    case 'string':
      return `${general}: put it in quotes, "${text}"`
    case 'array':
      return `${general}: did you mean [${node.quoted ? `"${text}"` : text}]?`
    case 'boolean':
      if (node.quoted && /^(true|false)$/.test(text)) return `${general}: remove the quotes`
      if (/^(yes|on|y|1)$/i.test(text)) return `${general}: did you mean true?`
      return /^(no|off|n|0)$/i.test(text) ? `${general}: did you mean false?` : general
    default:
      return node.quoted && /^[0-9.]+$/.test(text) ? `${general}: remove the quotes` : general
  }
}

function formatReason(schema: JsonSchema, node: Node, secret: boolean): string {
  const rule = formats[schema['format'] as keyof typeof formats]
  const complaint = mayShow(node, secret) ? rule.complaint((node as ScalarNode).text) : undefined
  return complaint ?? `expected ${rule.noun}, got ${shown(node, secret)}`
}

function enumReason(allowed: readonly string[], node: Node, secret: boolean): string {
  if (!mayShow(node, secret)) return `expected ${oneOf(allowed)}, got ${shown(node, secret)}`
  const { text } = node as ScalarNode
  return `"${printable(text)}" is not ${oneOf(allowed)}${hint(text, allowed)}`
}

/** A JSON pointer as the path of a tree, whose list indexes are numbers. */
function pathOf(pointer: string, root: Node): Path {
  const path: (string | number)[] = []
  let node: Node | undefined = root
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replace(/~1/g, '/').replace(/~0/g, '~')
    path.push(node?.kind === 'list' ? Number(key) : key)
    node =
      node?.kind === 'list' ? node.items[Number(key)] : node?.kind === 'map' ? node.entries.get(key)?.node : undefined
  }
  return path
}
