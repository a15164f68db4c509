import type { Schema } from '../component/schema.js'
import { formats } from './formats.js'
import { printable } from './problems.js'
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

/** What stands there, as the object of "got". A substituted or secret value is named, never shown. */
export function shown(node: Node, secret = false): string {
  if (node.kind === 'list') return 'a list'
  if (node.kind === 'map') return 'a map of keys'
  if (node.substituted !== undefined) return `the value of ${node.substituted.names.join(' and ')}`
  if (node.value === null) return 'nothing'
  if (secret) return 'something else'
  if (typeof node.value === 'string') return `the text "${printable(node.value)}"`
  return typeof node.value === 'number' ? `the number ${printable(node.text)}` : printable(node.text)
}

/** Whether a value may stand in a message. */
export function mayShow(node: Node, secret = false): boolean {
  return !secret && node.kind === 'scalar' && node.substituted === undefined
}

export function oneOf(words: readonly string[]): string {
  return words.length === 1 ? `"${words[0]}"` : `one of ${words.join(', ')}`
}

export function joinWords(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}
