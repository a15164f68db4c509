import { type AttributeValue, EncodedValue } from '../../data/attributes.js'
import type { Metadata } from '../../data/resource.js'
import type { Cursor } from './cursor.js'
import { valueText } from './message-json.js'
import { type MessageType, messages } from './messages.js'

/** What was left out of a request that was taken, by reason. */
export interface Omissions {
  /** Trace and span IDs of logs, links, exemplars and parents that are none. */
  ids: number
  /** Attributes without a key, with one that JavaScript objects must not have, or that came twice. */
  attributes: number
  /** Fields and enum values of a later version of the protocol. */
  unknown: number
}

export const noOmissions = (): Omissions => ({ ids: 0, attributes: 0, unknown: 0 })

/** A message of the kinds that become records: where it is read from, and what is left out of it. */
export interface Source {
  readonly cursor: Cursor
  readonly omitted: Omissions
  readonly metadata?: Metadata | undefined
}

/** KeyValue from here to `end`, into `attributes`. */
export function readAttribute(
  { cursor, omitted }: Source,
  end: number,
  attributes: Record<string, AttributeValue>,
): void {
  const to = cursor.length(end)
  cursor.countPart()
  let key = ''
  let value: AttributeValue | undefined
  while (cursor.at < to) {
    const tag = cursor.tag(to)
    if (tag === 10) key = cursor.string(to)
    else if (tag === 18) value = readValue(cursor, to)
    else {
      omitted.unknown++
      cursor.skip(tag & 7, to)
    }
  }
  // `__proto__` would be set, not kept, by whoever copies attributes one by one.
  if (key === '' || key === '__proto__' || Object.hasOwn(attributes, key)) omitted.attributes++
  if (key !== '' && key !== '__proto__') attributes[key] = value ?? absent
}

/** The AnyValue that begins here with its length. */
export function readValue(cursor: Cursor, end: number): AttributeValue {
  const to = cursor.length(end)
  if (cursor.at === to) return absent
  const from = cursor.at
  const value = readPlain(cursor, to)
  if (value !== undefined && cursor.at === to) return value
  cursor.at = from
  cursor.checkMessage(messages.AnyValue, to, 0)
  return encoded(cursor.since(from))
}

/** The body of a log record: text, or whatever else it is, as it came. */
export function readBody(cursor: Cursor, end: number): string | EncodedValue {
  const to = cursor.length(end)
  const from = cursor.at
  if (from < to && cursor.tag(to) === 10) {
    const text = cursor.string(to)
    if (cursor.at === to) return text
  }
  cursor.at = from
  cursor.checkMessage(messages.AnyValue, to, 0)
  return encoded(cursor.since(from))
}

/** What a message is that has one field, of a kind that is kept as JavaScript's own; undefined for all else. */
function readPlain(cursor: Cursor, end: number): AttributeValue | undefined {
  const from = cursor.at
  switch (cursor.tag(end)) {
    case 10:
      return cursor.string(end)
    case 16:
      return cursor.varint(end, false) !== 0
    case 24:
      return cursor.varint(end, true)
    case 33: {
      const value = cursor.double(end)
      // An integer would be taken for an int when it is sent on, and -0 is one, too.
      return Number.isInteger(value) && cursor.at === end ? encoded(cursor.since(from), value) : value
    }
    case 42:
      return readTexts(cursor, end)
    default:
      return undefined
  }
}

/** ArrayValue of strings only; undefined for others. */
function readTexts(cursor: Cursor, end: number): readonly string[] | undefined {
  const to = cursor.length(end)
  const texts: string[] = []
  while (cursor.at < to) {
    if (cursor.tag(to) !== 10) return undefined
    const element = cursor.length(to)
    if (cursor.at === element || cursor.tag(element) !== 10) return undefined
    cursor.countPart()
    texts.push(cursor.string(element))
    if (cursor.at !== element) return undefined
  }
  return texts
}

function encoded(fields: string, integer?: number): EncodedValue {
  return new EncodedValue(fields, valueText, integer)
}

/** AnyValue without a value. */
export const absent = encoded('')

/**
 * The field whose tag, which began at `from`, was just read, as it came: of a message kept in records that have no place for
 * it; '' when nobody knows it.
 */
export function readRest(
  { cursor, omitted }: Source,
  message: MessageType,
  tag: number,
  from: number,
  end: number,
): string {
  if (cursor.check(message, tag >>> 3, tag & 7, end)) return cursor.since(from)
  omitted.unknown++
  return ''
}

/** Lower-case hex of 16 or 8 bytes, or undefined where it is none: of another length, or all zero. */
export function readId(cursor: Cursor, end: number, bytes: 8 | 16): string | undefined {
  const digits = cursor.hex(end)
  return digits.length === bytes * 2 && digits !== zeros[bytes] ? digits : undefined
}

/** An ID that may be missing; one that is none counts as left out. */
export function readOptionalId({ cursor, omitted }: Source, end: number, bytes: 8 | 16): string | undefined {
  const isThere = cursor.bytes[cursor.at] !== 0
  const id = readId(cursor, end, bytes)
  if (isThere && id === undefined) omitted.ids++
  return id
}

const zeros = { 8: '0'.repeat(16), 16: '0'.repeat(32) } as const

/** Lists are mostly of none or one: V8 gives one that grows from nothing room for 17. */
export function appended<T>(list: T[] | undefined, one: T): T[] {
  if (list === undefined) return [one]
  list.push(one)
  return list
}
