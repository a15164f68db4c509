import { createHash } from 'node:crypto'
import type { Attributes, AttributeValue } from '../../data/attributes.js'
import { compilePatterns } from '../../lib/matching/pattern.js'
import type { ActionConfig } from './config.js'

/**
 * Applies compiled actions in order.
 *
 * @param attributes - never changed
 * @param fallback - where `from` looks when `attributes` has no such key
 * @returns the same object when nothing changed
 */
export type Edit = (attributes: Attributes, fallback: Attributes) => Attributes

/** A copy made at the first change, so that what nothing touches costs nothing. */
class Draft {
  #attributes: Attributes
  #copy: Record<string, AttributeValue> | undefined
  readonly fallback: Attributes

  constructor(attributes: Attributes, fallback: Attributes) {
    this.#attributes = attributes
    this.fallback = fallback
  }

  get result(): Attributes {
    return this.#attributes
  }

  get(key: string): AttributeValue | undefined {
    return Object.hasOwn(this.#attributes, key) ? this.#attributes[key] : undefined
  }

  set(key: string, value: AttributeValue): void {
    if (this.get(key) !== value) this.#writable()[key] = value
  }

  delete(key: string): void {
    if (this.get(key) !== undefined) delete this.#writable()[key]
  }

  keys(): readonly string[] {
    return Object.keys(this.#attributes)
  }

  #writable(): Record<string, AttributeValue> {
    this.#copy ??= { ...this.#attributes }
    this.#attributes = this.#copy
    return this.#copy
  }
}

type Step = (draft: Draft) => void

/** Compiles checked actions; undefined when there is none. */
export function compileActions(actions: readonly ActionConfig[]): Edit | undefined {
  if (actions.length === 0) return undefined
  const steps = actions.map(compileStep)
  return (attributes, fallback) => {
    const draft = new Draft(attributes, fallback)
    for (const step of steps) step(draft)
    return draft.result
  }
}

function compileStep(action: ActionConfig): Step {
  switch (action.action) {
    case 'insert':
      return setStep(action, (exists) => !exists)
    case 'update':
      return setStep(action, (exists) => exists)
    case 'upsert':
      return setStep(action, () => true)
    case 'rename':
      return (draft) => {
        const value = draft.get(action.key)
        if (value === undefined || action.to === undefined || action.to === action.key) return
        draft.delete(action.key)
        draft.set(action.to, value)
      }
    case 'delete':
      return eachKey(action.key, (draft, key) => draft.delete(key))
    case 'hash':
      return eachKey(action.key, (draft, key) => {
        const value = draft.get(key)
        if (value !== undefined) draft.set(key, digest(value, action.salt ?? '', action.length))
      })
  }
}

function setStep(action: ActionConfig, wanted: (exists: boolean) => boolean): Step {
  const { key, from, value } = action
  return (draft) => {
    if (!wanted(draft.get(key) !== undefined)) return
    const source = from === undefined ? value : (draft.get(from) ?? ownValue(draft.fallback, from))
    if (source !== undefined) draft.set(key, source)
  }
}

function eachKey(pattern: string, apply: (draft: Draft, key: string) => void): Step {
  if (!/[*?[]/.test(pattern)) return (draft) => apply(draft, pattern)
  const matches = compilePatterns([pattern])
  return (draft) => {
    for (const key of draft.keys()) if (matches?.(key) === true) apply(draft, key)
  }
}

/** Hex of SHA-256 over salt and value; of a list over its JSON. */
function digest(value: AttributeValue, salt: string, hexDigits: number): string {
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  return createHash('sha256').update(salt).update(text).digest('hex').slice(0, hexDigits)
}

function ownValue(attributes: Attributes, key: string): AttributeValue | undefined {
  return Object.hasOwn(attributes, key) ? attributes[key] : undefined
}
