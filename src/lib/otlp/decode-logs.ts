import type { AttributeValue, EncodedValue } from '../../data/attributes.js'
import type { RawEvent, SeverityNumber } from '../../data/event.js'
import type { Resource } from '../../data/resource.js'
import { absent, readAttribute, readBody, readOptionalId, readRest, type Source } from './decode-common.js'
import { messages } from './messages.js'

/** Reads the LogRecord from here to `end`. */
export function readLogRecord(source: Source, end: number, resource: Resource): RawEvent {
  const { cursor, omitted } = source
  let timeUnixNano = 0n
  let observedTimeUnixNano = 0n
  let severity: SeverityNumber = 0
  let severityText = ''
  let body: string | EncodedValue = absent
  let name = ''
  let traceId: string | undefined
  let spanId: string | undefined
  let rest = ''
  const attributes: Record<string, AttributeValue> = {}
  while (cursor.at < end) {
    const from = cursor.at
    const tag = cursor.tag(end)
    switch (tag) {
      case 9:
        timeUnixNano = cursor.fixed64(end)
        break
      case 16: {
        const number = Number(cursor.varint(end, true))
        if (number >= 0 && number <= 24) severity = number as SeverityNumber
        else omitted.unknown++
        break
      }
      case 26:
        severityText = cursor.string(end)
        break
      case 42:
        body = readBody(cursor, end)
        break
      case 50:
        readAttribute(source, end, attributes)
        break
      case 74:
        traceId = readOptionalId(source, end, 16)
        break
      case 82:
        spanId = readOptionalId(source, end, 8)
        break
      case 89:
        observedTimeUnixNano = cursor.fixed64(end)
        break
      case 98:
        name = cursor.string(end)
        break
      default:
        rest += readRest(source, messages.LogRecord, tag, from, end)
    }
  }
  const text = typeof body === 'string' ? body : body === absent ? '' : String(body)
  const event = { timeUnixNano, observedTimeUnixNano, name, severity, body: text, attributes, resource, severityText }
  // Assigned one after the other, so that there are few shapes and nothing is copied.
  const more: Mutable<RawEvent> = event
  if (traceId !== undefined) more.traceId = traceId
  if (spanId !== undefined) more.spanId = spanId
  if (typeof body !== 'string') more.encodedBody = body
  if (rest !== '') more.rest = rest
  return more
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
