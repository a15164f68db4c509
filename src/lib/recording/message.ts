/** As much of a D-Bus message as the recorder must read (D-Bus specification, "Message Protocol"). Never throws. */

export const kFixedHeaderBytes = 16
const kLittleEndian = 0x6c
const kBigEndian = 0x42

/** Header fields by code that matter here. */
const fieldNames: Readonly<Record<number, 'path' | 'member' | 'signature'>> = { 1: 'path', 3: 'member', 8: 'signature' }
export type Header = Partial<Record<'path' | 'member' | 'signature', string>>

/** The whole length of the message that begins at `at`, from its fixed header; undefined when none begins there. */
export function lengthOf(data: Buffer, at: number): number | undefined {
  if (data[at] !== kLittleEndian && data[at] !== kBigEndian) return undefined
  const read = (offset: number): number => uint32(data, data[at] === kLittleEndian, at + offset)
  return kFixedHeaderBytes + align(read(12), 8) + read(4)
}

/** The header fields of a whole message, as far as they can be read. */
export function headerOf(message: Buffer): Header {
  const little = message[0] === kLittleEndian
  const end = Math.min(kFixedHeaderBytes + uint32(message, little, 12), message.length)
  const header: Header = {}
  let at = kFixedHeaderBytes
  // Each field: struct of byte code, variant (signature `g`: length byte, text, NUL; then the value).
  while (at + 4 < end) {
    const name = fieldNames[message[at]!]
    const type = message.toString('latin1', at + 2, at + 2 + message[at + 1]!)
    let value = at + 3 + type.length
    if (type === 'o' || type === 's') {
      value = align(value, 4)
      if (value + 4 > end) break
      const length = uint32(message, little, value)
      if (name !== undefined) header[name] = message.toString('utf8', value + 4, value + 4 + length)
      value += 4 + length + 1
    } else if (type === 'u') value = align(value, 4) + 4
    else if (type === 'g') {
      const length = message[value] ?? 0
      if (name !== undefined) header[name] = message.toString('latin1', value + 1, value + 1 + length)
      value += 1 + length + 1
    } else break
    at = align(value, 8)
  }
  return header
}

/** Reads the arguments of a message one after the other; empty values once the body has ended. */
export class BodyReader {
  readonly #message: Buffer
  readonly #little: boolean
  #at: number

  constructor(message: Buffer) {
    this.#message = message
    this.#little = message[0] === kLittleEndian
    this.#at = kFixedHeaderBytes + align(uint32(message, this.#little, 12), 8)
  }

  uint32(): number {
    this.#at = align(this.#at, 4)
    const value = this.#at + 4 <= this.#message.length ? uint32(this.#message, this.#little, this.#at) : 0
    this.#at += 4
    return value
  }

  /** A string or an object path. */
  text(): string {
    const length = this.uint32()
    const text = this.#message.toString('utf8', this.#at, this.#at + length)
    this.#at += length + 1
    return text
  }
}

function uint32(data: Buffer, little: boolean, at: number): number {
  return little ? data.readUInt32LE(at) : data.readUInt32BE(at)
}

function align(value: number, to: number): number {
  return Math.ceil(value / to) * to
}
