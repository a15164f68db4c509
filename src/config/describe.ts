import type { Schema } from '../component/schema.js'
import { formats } from './formats.js'
import { printable, valueWithoutSignIn } from './problems.js'
import type { Node } from './tree.js'

/** What a schema wants, as the object of "expected". */
export function wanted(schema: Schema): string {
  if ('anyOf' in schema) return joinWords([...new Set(schema.anyOf.map(wanted))])
  if (schema.type === 'string' && schema.format !== undefined) return formats[schema.format].noun
  if (schema.type === 'string' && schema.enum !== undefined) return oneOf(schema.enum)
  switch (schema.type) {
    case 'integer':
      return 'a whole number'
    case 'number':
      return 'a number'
    case 'boolean':
      return 'true or false'
    case 'array':
      return 'a list'
    case 'object':
      return 'a map of keys'
    case 'string':
      return 'text'
  }
}

/**
 * What is written there as messages may show it: the one way for a value into a message. Undefined for a secret, for what a
 * reference brought, and for lists and maps.
 */
export function told(node: Node, secret = false): string | undefined {
  return !secret && node.kind === 'scalar' && node.substituted === undefined
    ? printable(valueWithoutSignIn(node.text))
    : undefined
}

/** A value as the subject of a sentence. */
export function named(node: Node, secret = false): string {
  const text = told(node, secret)
  if (text !== undefined) return `"${text}"`
  return secret ? 'the secret' : shown(node)
}

/** What stands there, as the object of "got". A substituted or secret value is named, never shown. */
export function shown(node: Node, secret = false): string {
  if (node.kind === 'list') return 'a list'
  if (node.kind === 'map') return 'a map of keys'
  if (node.substituted !== undefined) return `the value of ${node.substituted.names.join(' and ')}`
  if (node.value === null) return 'nothing'
  const text = told(node, secret)
  switch (typeof node.value) {
    case 'string':
      return text === undefined ? 'text' : `the text "${text}"`
    case 'number':
      return text === undefined ? 'a number' : `the number ${text}`
    default:
      return text ?? 'true or false'
  }
}

export function oneOf(words: readonly string[]): string {
  return words.length === 1 ? `"${words[0]}"` : `one of ${words.join(', ')}`
}

export function joinWords(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}
