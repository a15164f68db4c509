import type { AttributeValue } from '../../data/attributes.js'
import type { Resource } from '../../data/resource.js'
import type { Span, SpanEvent, SpanKind, SpanLink } from '../../data/span.js'
import { appended, readAttribute, readId, readOptionalId, readRest, type Source } from './decode-common.js'
import { messages } from './messages.js'

const kinds: readonly SpanKind[] = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer']
const codes = ['unset', 'ok', 'error'] as const
type Status = Span['status']
const unset: Status = Object.freeze({ code: 'unset' })

/** Reads the Span from here to `end`; undefined when its own IDs are none. */
export function readSpan(source: Source, end: number, resource: Resource): Span | undefined {
  const { cursor, omitted } = source
  let traceId: string | undefined
  let spanId: string | undefined
  let parentSpanId: string | undefined
  let name = ''
  let kind: SpanKind = 'unspecified'
  let startTimeUnixNano = 0n
  let endTimeUnixNano = 0n
  let status = unset
  let rest = ''
  const attributes: Record<string, AttributeValue> = {}
  let events: SpanEvent[] | undefined
  let links: SpanLink[] | undefined
  while (cursor.at < end) {
    const from = cursor.at
    const tag = cursor.tag(end)
    switch (tag) {
      case 10:
        traceId = readId(cursor, end, 16)
        break
      case 18:
        spanId = readId(cursor, end, 8)
        break
      case 34:
        parentSpanId = readOptionalId(source, end, 8)
        break
      case 42:
        name = cursor.string(end)
        break
      case 48: {
        const known = kinds[Number(cursor.varint(end, true))]
        if (known === undefined) omitted.unknown++
        kind = known ?? 'unspecified'
        break
      }
      case 57:
        startTimeUnixNano = cursor.fixed64(end)
        break
      case 65:
        endTimeUnixNano = cursor.fixed64(end)
        break
      case 74:
        readAttribute(source, end, attributes)
        break
      case 90:
        events = appended(events, readEvent(source, cursor.length(end)))
        break
      case 106: {
        const link = readLink(source, cursor.length(end))
        if (link === undefined) omitted.ids++
        else links = appended(links, link)
        break
      }
      case 122:
        status = readStatus(source, cursor.length(end))
        break
      default:
        rest += readRest(source, messages.Span, tag, from, end)
    }
  }
  if (traceId === undefined || spanId === undefined) return undefined
  const span: Mutable<Span> = {
    traceId,
    spanId,
    name,
    kind,
    startTimeUnixNano,
    endTimeUnixNano,
    attributes,
    events: events ?? none,
    links: links ?? none,
    status,
    resource,
  }
  if (parentSpanId !== undefined) span.parentSpanId = parentSpanId
  if (rest !== '') span.rest = rest
  return span
}

const none: readonly never[] = Object.freeze([])

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

function readEvent(source: Source, end: number): SpanEvent {
  const { cursor } = source
  let timeUnixNano = 0n
  let name = ''
  let rest = ''
  const attributes: Record<string, AttributeValue> = {}
  cursor.countPart()
  while (cursor.at < end) {
    const from = cursor.at
    const tag = cursor.tag(end)
    if (tag === 9) timeUnixNano = cursor.fixed64(end)
    else if (tag === 18) name = cursor.string(end)
    else if (tag === 26) readAttribute(source, end, attributes)
    else rest += readRest(source, messages.SpanEvent, tag, from, end)
  }
  return rest === '' ? { timeUnixNano, name, attributes } : { timeUnixNano, name, attributes, rest }
}

function readLink(source: Source, end: number): SpanLink | undefined {
  const { cursor } = source
  let traceId: string | undefined
  let spanId: string | undefined
  let rest = ''
  const attributes: Record<string, AttributeValue> = {}
  cursor.countPart()
  while (cursor.at < end) {
    const from = cursor.at
    const tag = cursor.tag(end)
    if (tag === 10) traceId = readId(cursor, end, 16)
    else if (tag === 18) spanId = readId(cursor, end, 8)
    else if (tag === 34) readAttribute(source, end, attributes)
    else rest += readRest(source, messages.SpanLink, tag, from, end)
  }
  if (traceId === undefined || spanId === undefined) return undefined
  return rest === '' ? { traceId, spanId, attributes } : { traceId, spanId, attributes, rest }
}

function readStatus({ cursor, omitted }: Source, end: number): Status {
  if (cursor.at === end) return unset
  let code: Status['code'] = 'unset'
  let message: string | undefined
  while (cursor.at < end) {
    const tag = cursor.tag(end)
    if (tag === 18) message = cursor.string(end)
    else if (tag === 24) {
      const known = codes[Number(cursor.varint(end, true))]
      if (known === undefined) omitted.unknown++
      code = known ?? 'unset'
    } else {
      omitted.unknown++
      cursor.skip(tag & 7, end)
    }
  }
  return message === undefined ? { code } : { code, message }
}
