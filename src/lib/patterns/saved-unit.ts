import type { Attributes, AttributeValue } from '../../data/attributes.js'
import type { Unit } from './detector.js'

/** Of a name, and of all that is text in a state file: systemd's unit names have 255, paths of cgroups 4096. */
const kMaxText = 4096
/** A resource has some twenty. */
const kMaxAttributes = 256

/** A unit in a state file: what is open may have to be told of, or told over, before the unit is heard of again. */
export interface SavedUnitName {
  readonly name: string
  readonly resource: { readonly key: string; readonly attributes: Attributes }
}

export function savedUnitName({ name, resource }: Unit): SavedUnitName {
  // JSON has no bigint.
  const attributes = Object.entries(resource.attributes).filter(([, value]) => typeof value !== 'bigint')
  return { name, resource: { key: resource.key, attributes: Object.fromEntries(attributes) } }
}

/** @throws where it is not of this form */
export function readUnitName(key: unknown, { name, resource }: SavedUnitName): Unit {
  if (!isText(key) || !isText(name)) throw new Error('a unit has no name')
  if (!isText(resource.key) || !isAttributes(resource.attributes))
    throw new Error(`the resource of ${name.slice(0, 256)} says nothing`)
  return { key, name, resource: { key: resource.key, attributes: { ...resource.attributes } } }
}

export function isText(text: unknown): text is string {
  return typeof text === 'string' && text.length <= kMaxText
}

/** A trace ID; an OTLP record with another one is refused whole. */
export function isRun(run: unknown): boolean {
  return typeof run === 'string' && /^[0-9a-f]{32}$/.test(run)
}

function isAttributes(attributes: unknown): boolean {
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) return false
  const values: readonly AttributeValue[] = Object.values(attributes)
  const isValue = (value: unknown): boolean => isText(value) || Number.isFinite(value) || typeof value === 'boolean'
  return (
    values.length <= kMaxAttributes &&
    values.every((value) => isValue(value) || (Array.isArray(value) && value.length <= 256 && value.every(isText)))
  )
}
