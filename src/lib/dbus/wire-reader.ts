/** Bytes that are not what the D-Bus specification calls a message. */
export class WireError extends Error {
  override readonly name = 'WireError'
}

/** Containers open at once, variants included (specification: 32 arrays and 32 structures). */
const kMaxDepth = 64
/** Specification, "Marshaling Containers": arrays are at most 64 MiB. */
export const kMaxArrayBytes = 64 * 1024 * 1024

const alignments: Readonly<Record<string, number>> = {
  y: 1,
  g: 1,
  v: 1,
  n: 2,
  q: 2,
  b: 4,
  i: 4,
  u: 4,
  h: 4,
  s: 4,
  o: 4,
  a: 4,
  x: 8,
  t: 8,
  d: 8,
  '(': 8,
  '{': 8,
}

/**
 * Reads marshaled values, and never past the end of what it was given. Alignment counts from the first byte.
 *
 * 64-bit integers become bigints, structures arrays, arrays of bytes Buffers of their own, dictionaries objects, a variant what
 * is in it; bytes that are not UTF-8 become U+FFFD.
 */
export class WireReader {
  readonly #bytes: Buffer
  readonly #view: DataView
  readonly #little: boolean
  #at: number

  constructor(bytes: Buffer, little: boolean, at = 0) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#little = little
    this.#at = at
  }

  get offset(): number {
    return this.#at
  }

  /**
   * Values of each of the types of `signature`, one after the other.
   *
   * @throws {WireError} when they are not there
   */
  values(signature: string): unknown[] {
    const values: unknown[] = []
    for (let at = 0; at < signature.length; ) {
      const end = typeEnd(signature, at)
      values.push(this.value(signature, at, end))
      at = end
    }
    return values
  }

  /** The value of the type that is `signature` from `from` to `to`. */
  value(signature: string, from = 0, to = signature.length, depth = 0): unknown {
    if (depth > kMaxDepth) throw new WireError('too many containers in each other')
    switch (signature[from]) {
      case 'y':
        return this.u8()
      case 'b':
        return this.#bool()
      case 'n':
        return this.#view.getInt16(this.#next(2), this.#little)
      case 'q':
        return this.#view.getUint16(this.#next(2), this.#little)
      case 'i':
        return this.#view.getInt32(this.#next(4), this.#little)
      case 'u':
      case 'h':
        return this.u32()
      case 'x':
        return this.#view.getBigInt64(this.#next(8), this.#little)
      case 't':
        return this.#view.getBigUint64(this.#next(8), this.#little)
      case 'd':
        return this.#view.getFloat64(this.#next(8), this.#little)
      case 's':
      case 'o':
        return this.text()
      case 'g':
        return this.signature()
      case 'v':
        return this.#variant(depth)
      case '(':
        return this.#struct(signature, from + 1, to - 1, depth)
      case 'a':
        return this.#array(signature, from + 1, to, depth)
      default:
        throw new WireError('a value of no known type')
    }
  }

  u8(): number {
    return this.#bytes[this.#next(1)]!
  }

  u32(): number {
    return this.#view.getUint32(this.#next(4), this.#little)
  }

  text(): string {
    return this.#textOf(this.u32())
  }

  signature(): string {
    return this.#textOf(this.u8())
  }

  /** The signature of a variant, which must be one whole type; its value follows. */
  variantSignature(): string {
    const signature = this.signature()
    if (signature === '' || typeEnd(signature, 0) !== signature.length) throw new WireError('a variant of no one type')
    return signature
  }

  /** Moves over padding to a multiple of `alignment`, a power of two. */
  align(alignment: number): void {
    for (; (this.#at & (alignment - 1)) !== 0; this.#at++)
      if (this.#bytes[this.#at] !== 0) throw new WireError('padding that is not zero')
  }

  /** Moves over a value of `size` bytes, which is as much aligned, and returns where it begins. */
  #next(size: number): number {
    this.align(size)
    const at = this.#at
    if (at + size > this.#bytes.length) throw new WireError('it ends too early')
    this.#at = at + size
    return at
  }

  #bool(): boolean {
    const value = this.u32()
    if (value > 1) throw new WireError('a boolean that is neither 0 nor 1')
    return value === 1
  }

  #textOf(bytes: number): string {
    const from = this.#at
    const to = from + bytes
    if (to >= this.#bytes.length) throw new WireError('it ends too early')
    if (this.#bytes[to] !== 0) throw new WireError('a text without NUL at its end')
    this.#at = to + 1
    return this.#bytes.toString('utf8', from, to)
  }

  #variant(depth: number): unknown {
    const signature = this.variantSignature()
    return this.value(signature, 0, signature.length, depth + 1)
  }

  #struct(signature: string, from: number, to: number, depth: number): unknown[] {
    this.align(8)
    const members: unknown[] = []
    for (let at = from; at < to; ) {
      const end = typeEnd(signature, at)
      members.push(this.value(signature, at, end, depth + 1))
      at = end
    }
    return members
  }

  #array(signature: string, from: number, to: number, depth: number): unknown {
    const bytes = this.u32()
    this.align(alignments[signature[from]!]!)
    const end = this.#at + bytes
    if (bytes > kMaxArrayBytes || end > this.#bytes.length) throw new WireError('an array that runs over its end')
    if (signature[from] === 'y') {
      const copy = Buffer.from(this.#bytes.subarray(this.#at, end))
      this.#at = end
      return copy
    }
    // Each element is a byte or more, so this ends.
    const entries = signature[from] === '{'
    const elements: unknown[] = []
    while (this.#at < end)
      elements.push(
        entries ? this.#struct(signature, from + 1, to - 1, depth) : this.value(signature, from, to, depth + 1),
      )
    if (this.#at !== end) throw new WireError('an array that runs over its end')
    return entries ? Object.fromEntries(elements as [string, unknown][]) : elements
  }
}

/**
 * Where the complete type ends that begins at `at` (specification, "Type System").
 *
 * @throws {WireError} when there is none
 */
function typeEnd(signature: string, at: number, depth = 0): number {
  if (depth > kMaxDepth) throw new WireError('too many containers in each other')
  const code = signature[at]
  switch (code) {
    case 'a':
      return signature[at + 1] === '{' ? entryEnd(signature, at + 2, depth + 1) : typeEnd(signature, at + 1, depth + 1)
    case '(': {
      let end = at + 1
      do end = typeEnd(signature, end, depth + 1)
      while (signature[end] !== ')')
      return end + 1
    }
    default:
      if (code === undefined || code === '{' || alignments[code] === undefined)
        throw new WireError('a signature of no known type')
      return at + 1
  }
}

/** Of a dictionary's entry: a basic type, one more, and the brace. */
function entryEnd(signature: string, at: number, depth: number): number {
  if ('av({'.includes(signature[at] ?? 'v')) throw new WireError('a dictionary with keys of no basic type')
  const end = typeEnd(signature, typeEnd(signature, at, depth), depth)
  if (signature[end] !== '}') throw new WireError('a dictionary without end')
  return end + 1
}
