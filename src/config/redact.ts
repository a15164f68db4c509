import type { Schema } from '../component/schema.js'
import { branchFor, childSchema } from './plain.js'
import { looseSignInOf } from './problems.js'
import type { Node, ScalarNode } from './tree.js'

/** Values that must not appear in messages, with the words that stand for them. */
export type Hidden = ReadonlyMap<string, string>

/** A piece of a value this long in a message could give it away; shorter ones are in every sentence by chance. */
const kMaxShownPiece = 6

/** Calls `visit` for each scalar and the schema it answers to, as far as there is one. */
export function eachValue(
  node: Node,
  schema: Schema,
  visit: (node: ScalarNode, schema: Schema, path: readonly (string | number)[]) => void,
): void {
  const walk = (at: Node, its: Schema | undefined, path: readonly (string | number)[]): void => {
    if (its === undefined) return
    const fit = branchFor(its, at)
    if (at.kind === 'scalar') visit(at, fit, path)
    else if (at.kind === 'list')
      for (const [i, item] of at.items.entries()) walk(item, 'items' in fit ? fit.items : undefined, [...path, i])
    else for (const [key, entry] of at.entries) walk(entry.node, childSchema(fit, key), [...path, key])
  }
  walk(node, schema, [])
}

/** Whether a value of this schema is a secret, in one of its branches at least. */
export function isSecret(schema: Schema): boolean {
  if ('anyOf' in schema) return schema.anyOf.some(isSecret)
  return schema.type === 'string' && schema.format === 'secret'
}

/** All values of a component that came by a reference or are secrets, and what is secret in its URLs. */
export function hiddenIn(node: Node, schema: Schema): Hidden {
  const hidden = new Map<string, string>()
  eachValue(node, schema, (scalar, its) => {
    const { substituted, text } = scalar
    // In an expression (CEL) there are colons and unit names with an @.
    const signIn = 'format' in its && its.format === 'cel' ? undefined : looseSignInOf(text)
    if (isSecret(its)) hidden.set(text, 'the secret')
    else if (signIn !== undefined) hidden.set(text.slice(signIn.start, signIn.end), '***')
    // A reference that is all of a secret gives it a better name.
    for (const [index, value] of (substituted?.values ?? []).entries()) hidden.set(value, substituted!.names[index]!)
  })
  hidden.delete('')
  return hidden
}

/**
 * A reason written by a component, fit to be printed. Components may quote what they were given; a whole value is replaced
 * by its reference, and a reason that still holds a piece of one is withheld.
 */
export function redact(reason: string, hidden: Hidden): string {
  if (hidden.size === 0) return reason
  const longestFirst = [...hidden.keys()].sort((a, b) => b.length - a.length)
  const whole = new RegExp(longestFirst.map(patternOf).join('|'), 'gu')
  const around = reason.replace(whole, '\0')
  for (const [value, name] of hidden)
    if (holdsPiece(around, value)) return `is not accepted; the reason is not shown because it quotes ${name}`
  return reason.replace(whole, (value) => hidden.get(value)!)
}

/**
 * A value as a pattern. One as short as `5`, `1h` or `name` may be a word of ours: it is a value in quotes or brackets only (of
 * a header `Authorization: a` it was said that it "is not the secret gRPC header name"), and one such as `/a/b` where it stands
 * alone.
 */
function patternOf(value: string): string {
  const literal = value.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
  if (value.length >= kMaxShownPiece) return literal
  const isNoWord = /[\p{L}\p{N}]/u.test(value) && /[^\p{L}\p{N}]/u.test(value)
  return isNoWord ? `(?<![\\p{L}\\p{N}_])${literal}(?![\\p{L}\\p{N}_])` : `(?<=["(])${literal}(?=[")])`
}

function holdsPiece(text: string, value: string): boolean {
  for (let start = 0; start + kMaxShownPiece <= value.length; start++) {
    if (text.includes(value.slice(start, start + kMaxShownPiece))) return true
  }
  return false
}
