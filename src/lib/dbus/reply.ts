import {
  align,
  field,
  kBig,
  kHeaderBytes,
  kLittle,
  kMaxMessageBytes,
  kMessageTypes,
  kProtocolVersion,
} from './layout.js'
import { kMaxArrayBytes, WireError, WireReader } from './wire-reader.js'

/** What answers a call. */
export interface Reply {
  /** The call it answers. */
  readonly serial: number
  /** D-Bus error name; undefined where the call went well. */
  readonly error: string | undefined
  readonly body: readonly unknown[]
}

/**
 * How many bytes the message has that `bytes` begins with; undefined when too few are there to tell.
 *
 * @throws {WireError} when none does
 */
export function messageBytes(bytes: Buffer): number | undefined {
  if (bytes.length < kHeaderBytes) return undefined
  const little = isLittle(bytes)
  if (bytes[3] !== kProtocolVersion) throw new WireError('a version of the protocol that is not known')
  const u32 = (at: number): number => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at))
  const [body, fields] = [u32(4), u32(12)]
  // Before they are added: align() is for numbers of 31 bits.
  if (fields > kMaxArrayBytes || body > kMaxMessageBytes) throw new WireError('a message that is too long')
  const size = kHeaderBytes + align(fields) + body
  if (size > kMaxMessageBytes) throw new WireError('a message that is too long')
  return size
}

/**
 * Takes a message apart, if it answers a call.
 *
 * @param bytes - one whole message
 * @returns undefined for signals and for calls of others, whose bodies are not looked at
 * @throws {WireError}
 */
export function parseReply(bytes: Buffer): Reply | undefined {
  const type = bytes[1]
  if (type !== kMessageTypes.methodReturn && type !== kMessageTypes.error) return undefined
  const little = isLittle(bytes)
  const reader = new WireReader(bytes, little, kHeaderBytes)
  const fieldsEnd = kHeaderBytes + (little ? bytes.readUInt32LE(12) : bytes.readUInt32BE(12))
  let serial: number | undefined
  let error: string | undefined
  let signature = ''
  while (reader.offset < fieldsEnd) {
    reader.align(8)
    const code = reader.u8()
    const value = reader.value(reader.variantSignature())
    if (code === field.replySerial && typeof value === 'number') serial = value
    else if (code === field.errorName && typeof value === 'string') error = value
    else if (code === field.signature && typeof value === 'string') signature = value
  }
  if (reader.offset !== fieldsEnd) throw new WireError('header fields that run over their end')
  if (serial === undefined) throw new WireError('an answer to nothing')
  if (type === kMessageTypes.error && error === undefined) throw new WireError('an error without a name')
  reader.align(8)
  const body = reader.values(signature)
  if (reader.offset !== bytes.length) throw new WireError('more than its signature says')
  return { serial, error: type === kMessageTypes.error ? error : undefined, body }
}

function isLittle(bytes: Buffer): boolean {
  if (bytes[0] !== kLittle && bytes[0] !== kBig) throw new WireError('a byte order that is not known')
  return bytes[0] === kLittle
}
