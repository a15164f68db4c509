const kInitialBytes = 16 * 1024
/** A request of this size is refused by every receiver (grpc default 4 MiB); reaching it is a bug of the batching. */
const kMaxBytes = 256 * 2 ** 20

/**
 * Writes protobuf wire format (protobuf.dev/programming-guides/encoding) into one growing buffer.
 *
 * Nested messages are written in place: `begin` leaves one byte for the length and `end` moves the body only when its
 * length needs more, which for OTLP's small messages is rare. So nothing is measured twice and nothing is allocated per
 * message.
 */
export class ProtobufWriter {
  #bytes = Buffer.allocUnsafeSlow(kInitialBytes)
  #length = 0

  /** A copy of what was written; the writer may be reused after `reset`. */
  finish(): Uint8Array {
    return Uint8Array.prototype.slice.call(this.#bytes, 0, this.#length)
  }

  reset(): void {
    this.#length = 0
  }

  /** Opens a length-delimited field; give what it returns to `end`. */
  begin(field: number): number {
    this.#varint(field * 8 + 2)
    this.#reserve(1)
    this.#length += 1
    return this.#length
  }

  end(start: number): void {
    const size = this.#length - start
    const extra = varintSize(size) - 1
    if (extra > 0) {
      this.#reserve(extra)
      this.#bytes.copyWithin(start + extra, start, this.#length)
    }
    this.#length += extra
    let at = start - 1
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

  /** fixed64 and sfixed64. */
  fixed64(field: number, value: bigint): void {
    this.#varint(field * 8 + 1)
    this.fixed64Element(value)
  }

  /** An element of a packed fixed64 list: `begin(field)`, elements, `end`. */
  fixed64Element(value: bigint): void {
    this.#reserve(8)
    this.#length = this.#bytes.writeBigUInt64LE(BigInt.asUintN(64, value), this.#length)
  }

  double(field: number, value: number): void {
    this.#varint(field * 8 + 1)
    this.doubleElement(value)
  }

  /** An element of a packed double list. */
  doubleElement(value: number): void {
    this.#reserve(8)
    this.#length = this.#bytes.writeDoubleLE(value, this.#length)
  }

  /** UTF-8; a lone surrogate becomes U+FFFD, because receivers refuse a whole request for one bad string. */
  string(field: number, text: string): void {
    const start = this.begin(field)
    this.#reserve(text.length * 3)
    this.#length += this.#bytes.write(text, this.#length, 'utf8')
    this.end(start)
  }

  /** Bytes given as hex digits (trace and span ids). */
  hex(field: number, digits: string): void {
    const start = this.begin(field)
    this.#reserve(digits.length / 2)
    this.#length += this.#bytes.write(digits, this.#length, 'hex')
    this.end(start)
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
  }
}

function varintSize(value: number): number {
  let size = 1
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) size++
  return size
}
