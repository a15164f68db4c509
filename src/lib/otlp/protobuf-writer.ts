const kInitialBytes = 16 * 1024
/** A request of this size is refused by every receiver (grpc default 4 MiB); reaching it is a bug of the batching. */
const kMaxBytes = 256 * 2 ** 20
/** Up to this length a loop over the characters is quicker than the call into Node, which takes some 100 ns. */
const kShortText = 48
const kTwo32 = 2 ** 32
/**
 * Looked up once, as is the length of each text: V8 has a dozen kinds of string (sliced, joined, internalised, ...), and where more than four
 * of them pass, each look-up at one of them is a call of its own.
 */
const { charCodeAt } = String.prototype

/**
 * Writes protobuf wire format (protobuf.dev/programming-guides/encoding) into one growing buffer.
 *
 * Nested messages are written in place: `begin` leaves room for the length and `end` moves the body only when its length
 * needs another number of bytes, which is rare. So nothing is measured twice and nothing is allocated per message.
 */
export class ProtobufWriter {
  #bytes = Buffer.allocUnsafeSlow(kInitialBytes)
  #view = new DataView(this.#bytes.buffer)
  #length = 0

  /** Bytes written. */
  get length(): number {
    return this.#length
  }

  /** What was written, in the writer's own memory: it stays so until something is written again. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Forgets what was written from a `length` on. */
  reset(length = 0): void {
    this.#length = length
  }

  /**
   * Opens a length-delimited field; give what it returns to `end`.
   *
   * @param lengthBytes - what its length will take: 1 below 128 bytes, 2 below 16 KiB; a wrong guess costs a move
   */
  begin(field: number, lengthBytes = 1): number {
    this.#varint(field * 8 + 2)
    this.#reserve(lengthBytes)
    this.#length += lengthBytes
    return this.#length
  }

  /** @param lengthBytes - as given to `begin` */
  end(start: number, lengthBytes = 1): void {
    const size = this.#length - start
    const extra = varintSize(size) - lengthBytes
    if (extra !== 0) {
      if (extra > 0) this.#reserve(extra)
      this.#bytes.copyWithin(start + extra, start, this.#length)
      this.#length += extra
    }
    let at = start - lengthBytes
    let rest = size
    for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) this.#bytes[at++] = (rest % 0x80) | 0x80
    this.#bytes[at] = rest
  }

  /** int64, uint64, enum and bool: a varint. Numbers must be integers; bigints must fit 64 bits. */
  varint(field: number, value: number | bigint): void {
    this.#varint(field * 8)
    if (typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER) this.#varint(value)
    else this.#varint64(BigInt.asUintN(64, BigInt(value)))
  }

  /** fixed64 and sfixed64. Numbers must be integers that 64 bits can hold. */
  fixed64(field: number, value: number | bigint): void {
    this.#varint(field * 8 + 1)
    this.fixed64Element(value)
  }

  fixed32(field: number, value: number): void {
    this.#varint(field * 8 + 5)
    this.#reserve(4)
    this.#view.setUint32(this.#length, value, true)
    this.#length += 4
  }

  /** An element of a packed fixed64 list: `begin(field)`, elements, `end`. */
  fixed64Element(value: number | bigint): void {
    this.#reserve(8)
    if (typeof value === 'bigint') this.#view.setBigUint64(this.#length, value, true)
    else {
      // Exact: dividing by a power of two and taking whole multiples of it away lose no bit of a double.
      const high = Math.floor(value / kTwo32)
      this.#view.setUint32(this.#length, value - high * kTwo32, true)
      this.#view.setInt32(this.#length + 4, high, true)
    }
    this.#length += 8
  }

  double(field: number, value: number): void {
    this.#varint(field * 8 + 1)
    this.doubleElement(value)
  }

  /** An element of a packed double list. */
  doubleElement(value: number): void {
    this.#reserve(8)
    this.#view.setFloat64(this.#length, value, true)
    this.#length += 8
  }

  /** UTF-8; a lone surrogate becomes U+FFFD, because receivers refuse a whole request for one bad string. */
  string(field: number, text: string): void {
    const start = this.begin(field)
    const { length } = text
    this.#reserve(length * 3)
    if (length <= kShortText && this.#ascii(text, length)) {
      this.#bytes[start - 1] = length // which is short enough for the one byte that `begin` has left
      return
    }
    this.#length += this.#bytes.write(text, this.#length, 'utf8')
    this.end(start)
  }

  /** Bytes given as hex digits (trace and span ids, which `checkIds` has looked at). */
  hex(field: number, digits: string): void {
    const start = this.begin(field)
    const { length } = digits
    this.#reserve(length / 2)
    for (let i = 0; i + 1 < length; i += 2)
      this.#bytes[this.#length++] = hexValue(charCodeAt.call(digits, i)) * 16 + hexValue(charCodeAt.call(digits, i + 1))
    this.end(start)
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** Writes over a fixed64 that was written, without its tag. */
  fixed64At(at: number, value: bigint): void {
    this.#view.setBigUint64(at, value, true)
  }

  /** What was written from a `length` on, in memory of its own. */
  copy(length: number): Uint8Array {
    return Uint8Array.prototype.slice.call(this.#bytes, length, this.#length)
  }

  /** What was written from a `length` on, a character for each byte: to be `put` again. */
  since(length: number): string {
    return this.#bytes.toString('latin1', length, this.#length)
  }

  /** Fields as `since` gave them. */
  put(fields: string): void {
    this.#reserve(fields.length)
    this.#length += this.#bytes.write(fields, this.#length, 'latin1')
  }

  /** Writes a text without other characters; else nothing. */
  #ascii(text: string, length: number): boolean {
    const bytes = this.#bytes
    const from = this.#length
    for (let i = 0; i < length; i++) {
      const code = charCodeAt.call(text, i)
      if (code > 0x7f) return false
      bytes[from + i] = code
    }
    this.#length = from + length
    return true
  }

  #varint(value: number): void {
    this.#reserve(8)
    let rest = value
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[this.#length++] = rest
  }

  #varint64(value: bigint): void {
    this.#reserve(10)
    let rest = value
    while (rest > 0x7fn) {
      this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    this.#bytes[this.#length++] = Number(rest)
  }

  #reserve(more: number): void {
    const needed = this.#length + more
    if (needed <= this.#bytes.length) return
    if (needed > kMaxBytes) throw new Error(`an OTLP request of more than ${kMaxBytes} bytes: batches are too large`)
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
    this.#view = new DataView(larger.buffer)
  }
}

function varintSize(value: number): number {
  let size = 1
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) size++
  return size
}

/** Of an ASCII hex digit: letters have bit 6 set, and A and a end in 1. */
function hexValue(code: number): number {
  return (code & 0xf) + (code & 0x40 ? 9 : 0)
}
