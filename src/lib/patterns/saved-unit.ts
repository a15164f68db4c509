import { type Attributes, type AttributeValue, EncodedValue } from '../../data/attributes.js'
import { isOrigin, type Origin } from '../../data/resource.js'
import type { Unit } from './detector.js'

/** Of a name, and of all that is text in a state file: systemd's unit names have 255, paths of cgroups 4096. */
const kMaxText = 4096
/** A resource has some twenty. */
const kMaxAttributes = 256

/** A unit in a state file: what is open may have to be told of, or told over, before the unit is heard of again. */
export interface SavedUnitName {
  readonly name: string
  readonly resource: { readonly key: string; readonly attributes: Attributes; readonly origin?: Origin }
}

export function savedUnitName({ name, resource: { key, attributes, origin } }: Unit): SavedUnitName {
  // JSON has no bigint, and would make another value of an encoded one.
  const plain = Object.entries(attributes).filter(
    ([, value]) => typeof value !== 'bigint' && !(value instanceof EncodedValue),
  )
  const own = { key, attributes: Object.fromEntries(plain) }
  return { name, resource: origin === undefined ? own : { ...own, origin: savedOrigin(origin) } }
}

/** Whose its records are stays in any case: without it they would be nobody's, or everybody's. */
function savedOrigin(origin: Origin): Origin {
  if (isOrigin(origin)) return origin
  const { metadata } = origin
  return { scope: '', resource: '', resourceRecords: '', scopeRecords: '', ...(metadata && { metadata }) }
}

/** @throws where it is not of this form */
export function readUnitName(key: unknown, { name, resource }: SavedUnitName): Unit {
  if (!isText(key) || !isText(name)) throw new Error('a unit has no name')
  const { origin } = resource
  if (!isText(resource.key) || !isAttributes(resource.attributes) || !(origin === undefined || isOrigin(origin)))
    throw new Error(`the resource of ${name.slice(0, 256)} says nothing`)
  const own = { key: resource.key, attributes: { ...resource.attributes } }
  return { key, name, resource: origin === undefined ? own : { ...own, origin } }
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
