import { Cursor } from './cursor.js'
import { type FieldType, fits, isMessage, type MessageName, messages, Wire } from './messages.js'

// Protobuf to OTLP/JSON, for what records keep encoded: it was looked at when it came, so nothing here can fail.

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
type JsonObject = { readonly [key: string]: Json }

/** Fields of a message, a character for each byte, as JSON's members. */
export function fieldsJson(name: MessageName, fields: string | undefined): JsonObject {
  if (fields === undefined || fields === '') return {}
  const cursor = new Cursor()
  cursor.open(Buffer.from(fields, 'latin1'))
  return messageJson(cursor, name, cursor.bytes.length)
}

function messageJson(cursor: Cursor, name: MessageName, end: number): JsonObject {
  const json: Record<string, Json> = {}
  while (cursor.at < end) {
    const tag = cursor.tag(end)
    const field = messages[name].fields[tag >>> 3]
    const wire = tag & 7
    if (field === undefined || !fits(field, wire)) cursor.skip(wire, end)
    else if (!field.repeated) json[field.name] = valueJson(cursor, field, end)
    else {
      json[field.name] ??= []
      const list = json[field.name] as Json[]
      if (wire === Wire.length && !isMessage(field.kind) && field.kind !== 'string')
        for (const to = cursor.length(end); cursor.at < to; ) list.push(valueJson(cursor, field, to))
      else list.push(valueJson(cursor, field, end))
    }
  }
  return json
}

function valueJson(cursor: Cursor, { kind }: FieldType, end: number): Json {
  if (isMessage(kind)) return messageJson(cursor, kind, cursor.length(end))
  switch (kind) {
    case 'string':
      return cursor.string(end)
    case 'id':
      return cursor.hex(end)
    case 'bytes': {
      const to = cursor.length(end)
      const from = cursor.at
      cursor.at = to
      return cursor.bytes.toString('base64', from, to)
    }
    case 'bool':
      return cursor.varint(end, false) !== 0
    case 'enum':
    case 'int32':
    case 'uint32':
      return Number(cursor.varint(end, true)) | 0
    case 'sint32': {
      const zigzag = Number(cursor.varint(end, false))
      return (zigzag >>> 1) ^ -(zigzag & 1)
    }
    case 'int64':
      return String(cursor.varint(end, true))
    case 'uint64':
      return String(cursor.varint(end, false))
    case 'fixed64':
      return String(cursor.fixed64Number(end, false))
    case 'sfixed64':
      return String(cursor.fixed64Number(end, true))
    case 'fixed32': {
      const at = cursor.at
      cursor.skip(Wire.fixed32, end)
      return cursor.bytes.readUInt32LE(at)
    }
    case 'double':
      return doubleJson(cursor.double(end))
  }
}

/** NaN and the infinities are strings, as protobuf's JSON mapping has them; so is -0, which JSON.stringify would make 0. */
export function doubleJson(value: number): Json {
  if (Object.is(value, -0)) return '-0'
  return Number.isFinite(value) ? value : String(value)
}

/** AnyValue as a person would write it: JSON without the names of types. */
export function valueText(fields: string): string {
  return JSON.stringify(plain(fieldsJson('AnyValue', fields)))
}

function plain(value: JsonObject): unknown {
  const [kind, inner] = Object.entries(value).at(-1) ?? []
  if (kind === 'arrayValue') return valuesOf(inner).map((element) => plain(element))
  if (kind !== 'kvlistValue') return inner ?? null
  return Object.fromEntries(
    valuesOf(inner).map(({ key, value: one }) => [String(key ?? ''), plain((one ?? {}) as JsonObject)]),
  )
}

function valuesOf(list: Json | undefined): readonly JsonObject[] {
  return ((list as JsonObject | undefined)?.['values'] ?? []) as readonly JsonObject[]
}
