import { readFileSync } from 'node:fs'
import protobuf from 'protobufjs'
import type { Signal } from '../../../src/data/batch.js'

const { root } = protobuf.parse(readFileSync(new URL('./otlp.proto', import.meta.url), 'utf8'), { keepCase: true })

const requestType: Readonly<Record<Signal, string>> = {
  logs: 'ExportLogsServiceRequest',
  metrics: 'ExportMetricsServiceRequest',
  traces: 'ExportTraceServiceRequest',
}

/** A decoded message: 64-bit numbers as decimal text, bytes as hex, oneofs only where set. */
// biome-ignore lint/suspicious/noExplicitAny: tests walk it freely; a typed copy of OTLP would be a second definition
export type Decoded = any

export function messageType(signal: Signal): protobuf.Type {
  return root.lookupType(requestType[signal])
}

export function decodeRequest(signal: Signal, bytes: Uint8Array): Decoded {
  return plain(messageType(signal), bytes)
}

/** Bytes stay bytes. */
export function decodeMessage(type: string, bytes: Uint8Array): Decoded {
  const lookup = root.lookupType(type)
  return lookup.toObject(lookup.decode(bytes), { longs: String })
}

export function encodeMessage(type: string, value: object): Uint8Array {
  const lookup = root.lookupType(type)
  return lookup.encode(lookup.fromObject(value)).finish()
}

/** The same with every field of every message, for comparing what says nothing with what says so. */
export function decodeWhole(signal: Signal, bytes: Uint8Array): Decoded {
  const type = messageType(signal)
  return hexed(type.toObject(type.decode(bytes), { longs: String, arrays: true, defaults: true, oneofs: false }))
}

/** A request out of what protobufjs takes for one. */
export function encodeRequest(signal: Signal, value: object): Uint8Array {
  const type = messageType(signal)
  return type.encode(type.fromObject(value)).finish()
}

function plain(type: protobuf.Type, bytes: Uint8Array): Decoded {
  return hexed(type.toObject(type.decode(bytes), { longs: String, arrays: true, oneofs: false }))
}

export function hexed(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(hexed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, hexed(inner)]))
}

/** An AnyValue as the plain value it stands for: int as bigint, so that 1 and 1.0 differ. */
export function anyValue(value: Decoded): unknown {
  if (value.string_value !== undefined) return value.string_value
  if (value.bool_value !== undefined) return value.bool_value
  if (value.int_value !== undefined) return BigInt(value.int_value)
  if (value.double_value !== undefined) return value.double_value
  if (value.array_value !== undefined) return value.array_value.values.map(anyValue)
  return undefined
}

export function attributesOf(pairs: Decoded): Record<string, unknown> {
  return Object.fromEntries(pairs.map((pair: Decoded) => [pair.key ?? '', anyValue(pair.value)]))
}
