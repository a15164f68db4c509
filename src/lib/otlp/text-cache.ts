/** Twice what a fleet's attribute keys and short values come to; a slot is one reference. */
const kSlots = 4096
/** Keys and enumerated values are shorter; longer text rarely comes again. */
const kMaxLength = 64

/**
 * Text that comes again with every record: keys, names of services, versions. A slot for each hash, the newest text has it; so
 * its memory is bounded, and text made to collide costs only its own decoding.
 */
export class TextCache {
  readonly #slots: (string | undefined)[] = new Array<string | undefined>(kSlots).fill(undefined)

  /** ASCII of a cached text without asking Node, which takes 100 ns; other bytes as UTF-8, where what is none becomes U+FFFD. */
  utf8(bytes: Buffer, from: number, to: number): string {
    if (to - from > kMaxLength) return bytes.toString('utf8', from, to)
    let hash = to - from
    for (let at = from; at < to; at++) {
      const byte = bytes[at]!
      if (byte > 0x7f) return bytes.toString('utf8', from, to)
      hash = (Math.imul(hash, 31) + byte) | 0
    }
    return this.#find(bytes, from, to, hash)
  }

  /** A character for each byte. */
  latin1(bytes: Buffer, from: number, to: number): string {
    if (to - from > kMaxLength) return bytes.toString('latin1', from, to)
    let hash = to - from
    for (let at = from; at < to; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0
    return this.#find(bytes, from, to, hash)
  }

  #find(bytes: Buffer, from: number, to: number, hash: number): string {
    const slot = (hash ^ (hash >>> 12)) & (kSlots - 1)
    const known = this.#slots[slot]
    if (known !== undefined && known.length === to - from && isSame(known, bytes, from)) return known
    const text = bytes.toString('latin1', from, to)
    this.#slots[slot] = text
    return text
  }
}

function isSame(text: string, bytes: Buffer, from: number): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) !== bytes[from + at]) return false
  return true
}
