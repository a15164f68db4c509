import protobuf from 'protobufjs'
import type { Signal } from '../../../src/data/batch.js'
import { attributesOf, type Decoded, hexed, messageType } from './decode.js'

/** One log record, metric or span with what it stands under, every field of the definitions present. */
export interface Complete {
  readonly resource: Decoded
  readonly scope: Decoded
  readonly record: Decoded
}

const paths: Readonly<Record<Signal, readonly [outer: string, middle: string, inner: string]>> = {
  logs: ['resource_logs', 'scope_logs', 'log_records'],
  metrics: ['resource_metrics', 'scope_metrics', 'metrics'],
  traces: ['resource_spans', 'scope_spans', 'spans'],
}

/**
 * Reads a request so that nothing in it can go unnoticed: fields that were not sent have their default, attributes are
 * maps of typed values.
 *
 * @throws Error when the bytes hold a field the definitions do not have
 */
export function completeRecords(signal: Signal, bytes: Uint8Array): readonly Complete[] {
  const reader = protobuf.Reader.create(bytes)
  reader.discardUnknown = false
  const message = messageType(signal).decode(reader)
  refuseUnknown(signal, message)
  return flattened(signal, message)
}

/** Reads a line of OTLP/JSON (the Collector's file format) by the same definitions. */
export function completeLine(line: string): { readonly signal: Signal; readonly records: readonly Complete[] } {
  const json = snakeCased(JSON.parse(line)) as Record<string, unknown>
  const signal = (['logs', 'metrics', 'traces'] as const).find((one) => paths[one][0] in json)
  if (signal === undefined) throw new Error(`not OTLP/JSON: ${line.slice(0, 200)}`)
  return { signal, records: flattened(signal, messageType(signal).fromObject(json)) }
}

function refuseUnknown(path: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return
  const { $unknowns = [] } = value as { readonly $unknowns?: readonly Uint8Array[] }
  if (($unknowns?.length ?? 0) > 0) throw new Error(`${path} has ${$unknowns.length} unknown fields`)
  for (const [key, inner] of Object.entries(value)) refuseUnknown(`${path}.${key}`, inner)
}

function flattened(signal: Signal, message: protobuf.Message): Complete[] {
  const [outer, middle, inner] = paths[signal]
  const options = { longs: String, arrays: true, defaults: true }
  const plain = withAttributeMaps(hexed(messageType(signal).toObject(message, options))) as Decoded
  return plain[outer].flatMap((group: Decoded) => {
    expectEmpty(group.schema_url)
    return group[middle].flatMap((scope: Decoded) => {
      expectEmpty(scope.schema_url)
      return scope[inner].map((record: Decoded) => ({ resource: group.resource, scope: scope.scope, record }))
    })
  })
}

function expectEmpty(schemaUrl: string): void {
  if (schemaUrl !== '') throw new Error(`a schema URL nobody set: ${schemaUrl}`)
}

const attributeKeys: ReadonlySet<string> = new Set(['attributes', 'filtered_attributes'])

function withAttributeMaps(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withAttributeMaps)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (!attributeKeys.has(key)) return [key, withAttributeMaps(inner)]
      const map = attributesOf(inner)
      if (Object.keys(map).length !== inner.length) throw new Error(`an attribute twice: ${JSON.stringify(inner)}`)
      return [key, map]
    }),
  )
}

const idKeys: ReadonlySet<string> = new Set(['traceId', 'spanId', 'parentSpanId'])

/** OTLP/JSON has lowerCamelCase keys and ids in hex where protobuf's own JSON would have base64. */
function snakeCased(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeCased)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      idKeys.has(key) ? Buffer.from(String(inner), 'hex') : snakeCased(inner),
    ]),
  )
}

/** In an order of their own content, so that two lists of the same records are equal however they travelled. */
export function sortedRecords(records: readonly Complete[]): readonly Complete[] {
  return keyed(records).map(([, record]) => record)
}

/** Sorted, and each record once: a request whose reply was lost comes twice. */
export function distinctRecords(records: readonly Complete[]): readonly Complete[] {
  return [...new Map(keyed(records)).values()]
}

function keyed(records: readonly Complete[]): readonly (readonly [key: string, record: Complete])[] {
  return records
    .map((record) => [JSON.stringify(canonical(record)), record] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}

function canonical(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, inner]) => [key, canonical(inner)]))
}
