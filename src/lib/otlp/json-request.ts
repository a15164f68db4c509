import type { Signal } from '../../data/batch.js'
import type { Malformed } from './decode.js'
import { type FieldType, isMessage, type MessageName, messages, type ScalarKind } from './messages.js'
import { ProtobufWriter } from './protobuf-writer.js'

/** Deeper than any request: 32 values in values are 3 levels each, and some above them. JSON.parse would take 100,000. */
const kMaxJsonDepth = 128
/** Longer numbers may not be exact as JavaScript's: they are read as text, which OTLP/JSON allows anywhere. */
const kMaxSafeDigits = 15

const requests: Readonly<Record<Signal, MessageName>> = {
  logs: 'LogsRequest',
  metrics: 'MetricsRequest',
  traces: 'TracesRequest',
}

class JsonError extends Error {}

/**
 * OTLP/JSON as the protobuf it stands for (specification, "JSON Protobuf Encoding"): so that there is one decoder, with one set of
 * limits. Names may be in lowerCamelCase or as in the .proto; those nobody knows are passed over.
 */
export function jsonToProtobuf(signal: Signal, text: string): Uint8Array | Malformed {
  const prepared = prepare(text)
  if (typeof prepared !== 'string') return prepared
  try {
    const writer = new ProtobufWriter()
    writeMessage(writer, requests[signal], JSON.parse(prepared), requests[signal])
    return writer.written()
  } catch (error) {
    if (error instanceof JsonError || error instanceof SyntaxError) return { reason: error.message, offset: undefined }
    throw error
  }
}

/** Looks at the depth, and puts quotes around numbers of so many digits that JSON.parse would round them. */
function prepare(text: string): string | Malformed {
  let depth = 0
  let prepared = ''
  let done = 0
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at)
    if (char === 0x22) {
      at = endOfString(text, at)
    } else if (char === 0x5b || char === 0x7b) {
      if (++depth > kMaxJsonDepth) return { reason: `more than ${kMaxJsonDepth} levels of JSON`, offset: at }
    } else if (char === 0x5d || char === 0x7d) depth--
    else if (char === 0x2d || (char >= 0x30 && char <= 0x39)) {
      let end = at + 1
      while (end < text.length && /[0-9.eE+-]/.test(text[end]!)) end++
      if (end - at > kMaxSafeDigits && /^-?\d+$/.test(text.slice(at, end))) {
        prepared += `${text.slice(done, at)}"${text.slice(at, end)}"`
        done = end
      }
      at = end - 1
    }
  }
  return done === 0 ? text : prepared + text.slice(done)
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const char = text.charCodeAt(at)
    if (char === 0x5c) at++
    else if (char === 0x22) return at
  }
  return text.length
}

function writeMessage(writer: ProtobufWriter, name: MessageName, value: unknown, path: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new JsonError(`${path} is no object`)
  const members = value as Readonly<Record<string, unknown>>
  for (const field of messages[name].fields) {
    if (field === undefined) continue
    const member = memberOf(members, field)
    if (member === undefined || member === null) continue
    const where = `${path}.${field.name}`
    if (!field.repeated) writeField(writer, field, member, where)
    else if (!Array.isArray(member)) throw new JsonError(`${where} is no list`)
    else for (const [at, element] of member.entries()) writeField(writer, field, element, `${where}[${at}]`)
  }
}

function memberOf(members: Readonly<Record<string, unknown>>, { name }: FieldType): unknown {
  if (Object.hasOwn(members, name)) return members[name]
  const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  return Object.hasOwn(members, snake) ? members[snake] : undefined
}

function writeField(writer: ProtobufWriter, { number, kind }: FieldType, value: unknown, path: string): void {
  if (!isMessage(kind)) return void writeScalar(writer, number, kind, value, path)
  const start = writer.begin(number)
  writeMessage(writer, kind, value, path)
  writer.end(start)
}

function writeScalar(writer: ProtobufWriter, number: number, kind: ScalarKind, value: unknown, path: string): void {
  switch (kind) {
    case 'string':
      if (typeof value !== 'string') throw new JsonError(`${path} is no text`)
      return void writer.string(number, value)
    case 'id':
      if (typeof value !== 'string' || !/^([0-9a-fA-F]{2}){0,32}$/.test(value))
        throw new JsonError(`${path} is not in hex, two digits a byte`)
      return void writer.hex(number, value)
    case 'bytes':
      if (typeof value !== 'string' || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(value))
        throw new JsonError(`${path} is not in base64`)
      return void writer.hex(number, Buffer.from(value, 'base64').toString('hex'))
    case 'bool':
      if (typeof value !== 'boolean') throw new JsonError(`${path} is neither true nor false`)
      return void writer.varint(number, value ? 1 : 0)
    case 'double':
      return void writer.double(number, doubleOf(value, path))
    case 'fixed64':
    case 'sfixed64':
      return void writer.fixed64(
        number,
        integerOf(
          value,
          kind === 'fixed64' ? 0n : -(2n ** 63n),
          kind === 'fixed64' ? 2n ** 64n - 1n : 2n ** 63n - 1n,
          path,
        ),
      )
    case 'int64':
      return void writer.varint(number, integerOf(value, -(2n ** 63n), 2n ** 63n - 1n, path))
    case 'uint64':
      return void writer.varint(number, integerOf(value, 0n, 2n ** 64n - 1n, path))
    case 'fixed32':
      return void writer.fixed32(number, Number(integerOf(value, 0n, 2n ** 32n - 1n, path)))
    case 'uint32':
      return void writer.varint(number, integerOf(value, 0n, 2n ** 32n - 1n, path))
    case 'enum':
    case 'int32':
      return void writer.varint(number, integerOf(value, -(2n ** 31n), 2n ** 31n - 1n, path))
    case 'sint32': {
      const signed = Number(integerOf(value, -(2n ** 31n), 2n ** 31n - 1n, path))
      return void writer.varint(number, ((signed << 1) ^ (signed >> 31)) >>> 0)
    }
  }
}

function integerOf(value: unknown, least: bigint, most: bigint, path: string): bigint {
  const isInteger =
    typeof value === 'number' ? Number.isSafeInteger(value) : typeof value === 'string' && /^-?\d{1,20}$/.test(value)
  if (!isInteger) throw new JsonError(`${path} is no integer`)
  const integer = BigInt(value as number | string)
  if (integer < least || integer > most) throw new JsonError(`${path} is out of range`)
  return integer
}

function doubleOf(value: unknown, path: string): number {
  if (typeof value === 'number') return value
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return Number(value)
  if (typeof value === 'string' && /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value)) return Number(value)
  throw new JsonError(`${path} is no number`)
}
