import { isUtf8 } from 'node:buffer'
import { fits, isMessage, type MessageType, messages, Wire } from './messages.js'
import { TextCache } from './text-cache.js'

/** What the records of one request may come to: one takes 2 bytes on the wire when empty, and a hundred in memory. */
const kMaxParts = 2 ** 20
/** AnyValue in AnyValue; the Collector's JSON and most backends give up earlier. */
const kMaxDepth = 32
const kTwo28 = 2 ** 28

/** Why a request is none; thrown inside this folder and a value outside. */
export class WireError extends Error {
  readonly offset: number
  constructor(reason: string, offset: number) {
    super(reason)
    this.offset = offset
  }
}

/**
 * Reads protobuf wire format out of one buffer (protobuf.dev/programming-guides/encoding). `end` is where the message that
 * is being read ends: nothing reads beyond it.
 *
 * @throws {WireError} when the bytes are no such message
 */
export class Cursor {
  bytes: Buffer = Buffer.alloc(0)
  at = 0
  readonly texts = new TextCache()
  #view = new DataView(this.bytes.buffer)
  #parts = 0

  open(bytes: Uint8Array): void {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.at = 0
    this.#parts = 0
  }

  /** A record, an element, an attribute: each takes memory. */
  countPart(): void {
    if (++this.#parts > kMaxParts) this.fail(`more than ${kMaxParts} records, points, events and attributes`)
  }

  fail(reason: string): never {
    throw new WireError(reason, this.at)
  }

  /** Field number times eight, plus the wire type. */
  tag(end: number): number {
    const tag = this.varint32(end)
    if (tag < 8) this.fail('field number 0')
    return tag
  }

  /** Of 32 bits: tags and lengths. */
  varint32(end: number): number {
    let at = this.at
    if (at >= end) this.fail('the message is cut off')
    let byte = this.bytes[at++]!
    let value = byte & 0x7f
    for (let shift = 7; byte > 0x7f; shift += 7) {
      if (at >= end) this.fail('the message is cut off')
      byte = this.bytes[at++]!
      if (shift > 28 || (shift === 28 && byte > 0x0f)) this.fail('a varint of more than 32 bits')
      value = (value | ((byte & 0x7f) << shift)) >>> 0
    }
    this.at = at
    return value
  }

  /** Where the length-delimited field that begins here ends; the cursor then stands on its first byte. */
  length(end: number): number {
    const length = this.varint32(end)
    if (length > end - this.at) this.fail(`${length} bytes announced, ${end - this.at} there`)
    return this.at + length
  }

  /** int64 and uint64 of a varint: a number where it is exact. */
  varint(end: number, signed: boolean): number | bigint {
    const { bytes } = this
    const from = this.at
    const first = bytes[from]!
    if (from < end && first < 0x80) {
      this.at = from + 1
      return first
    }
    let low = 0
    let middle = 0
    let high = 0
    for (let count = 0; count < 10; count++) {
      if (from + count >= end) this.fail('the message is cut off')
      const byte = bytes[from + count]!
      const bits = byte & 0x7f
      // Shifts of 21 at most: `2 **` of a number that varies is a call into V8's library, a thirtieth of all that passing spans on takes (perf, by hand).
      if (count < 4) low |= bits << (7 * count)
      else if (count < 8) middle |= bits << (7 * (count - 4))
      else high |= bits << (7 * (count - 8))
      if (byte < 0x80) {
        this.at = from + count + 1
        return joined(low, middle, high & 0xff, signed)
      }
    }
    return this.fail('a varint of more than 64 bits')
  }

  fixed64(end: number): bigint {
    const at = this.#take(8, end)
    return this.#view.getBigUint64(at, true)
  }

  /** A number where it is exact. */
  fixed64Number(end: number, signed: boolean): number | bigint {
    const at = this.#take(8, end)
    const high = signed ? this.#view.getInt32(at + 4, true) : this.#view.getUint32(at + 4, true)
    if (high >= -0x20_0000 && high < 0x20_0000) {
      const value = high * 2 ** 32 + this.#view.getUint32(at, true)
      if (Number.isSafeInteger(value)) return value
    }
    return signed ? this.#view.getBigInt64(at, true) : this.#view.getBigUint64(at, true)
  }

  double(end: number): number {
    const at = this.#take(8, end)
    return this.#view.getFloat64(at, true)
  }

  /** UTF-8; what is none becomes U+FFFD. */
  string(end: number): string {
    const to = this.length(end)
    const text = this.texts.utf8(this.bytes, this.at, to)
    this.at = to
    return text
  }

  /** Lower-case hex of an id, of whatever length. */
  hex(end: number): string {
    const to = this.length(end)
    if (to - this.at > 64) this.fail('an id of more than 64 bytes')
    const digits = this.bytes.toString('hex', this.at, to)
    this.at = to
    return digits
  }

  /** Bytes from an offset to here, a character for each. */
  since(from: number): string {
    return this.texts.latin1(this.bytes, from, this.at)
  }

  /** Passes the value of a field that nobody knows. */
  skip(wire: number, end: number): void {
    switch (wire) {
      case Wire.varint:
        this.varint(end, false)
        return
      case Wire.fixed64:
        this.#take(8, end)
        return
      case Wire.length:
        this.at = this.length(end)
        return
      case Wire.fixed32:
        this.#take(4, end)
        return
      default:
        this.fail(`wire type ${wire}`)
    }
  }

  /**
   * Passes the value of a field that is kept as it came, after a look at all that is in it: it goes to servers that refuse a
   * whole request for one string that is no UTF-8.
   *
   * @returns false when it was passed as unknown: its wire type is another
   */
  check(message: MessageType, number: number, wire: number, end: number, depth = 0): boolean {
    const field = message.fields[number]
    if (field === undefined || !fits(field, wire)) {
      this.skip(wire, end)
      return false
    }
    if (wire !== Wire.length) this.skip(wire, end)
    else {
      const to = this.length(end)
      if (isMessage(field.kind)) this.checkMessage(messages[field.kind], to, depth)
      else if (field.kind === 'string') {
        if (!isUtf8(this.bytes.subarray(this.at, to))) this.fail('a string that is no UTF-8')
      } else if (field.kind === 'id') {
        const bytes = field.name === 'traceId' ? 16 : 8
        if (to !== this.at && to - this.at !== bytes) this.fail(`${field.name} of ${to - this.at} bytes`)
      } else if (field.kind !== 'bytes') this.#checkPacked(field.kind, to)
      this.at = to
    }
    return true
  }

  /** All fields of a message that ends there. */
  checkMessage(message: MessageType, end: number, depth: number): void {
    const within = message.name === 'AnyValue' ? depth + 1 : depth
    if (within > kMaxDepth) this.fail(`values in values, more than ${kMaxDepth} deep`)
    this.countPart()
    while (this.at < end) {
      const tag = this.tag(end)
      this.check(message, tag >>> 3, tag & 7, end, within)
    }
  }

  #checkPacked(kind: string, end: number): void {
    const fixed = kind === 'double' || kind.includes('fixed64') ? 8 : kind === 'fixed32' ? 4 : 0
    if (fixed !== 0 && (end - this.at) % fixed !== 0) this.fail('packed numbers, one of them cut off')
    if (fixed === 0) while (this.at < end) this.varint(end, false)
  }

  #take(bytes: number, end: number): number {
    const at = this.at
    if (end - at < bytes) this.fail('the message is cut off')
    this.at = at + bytes
    return at
  }
}

function joined(low: number, middle: number, high: number, signed: boolean): number | bigint {
  if (high === 0 && middle < 2 ** 25) return low + middle * kTwo28
  const all = BigInt(low) | (BigInt(middle) << 28n) | (BigInt(high) << 56n)
  const value = signed ? BigInt.asIntN(64, all) : all
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
