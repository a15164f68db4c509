/** Twice what a fleet's attribute keys and short values come to; a slot is one reference. */
const kSlots = 4096
/** Keys and enumerated values are shorter; longer text rarely comes again. */
const kMaxLength = 64

/**
 * Text that comes again with every record: keys, names of services, versions. A slot for each hash, the newest text has it; so
 * its memory is bounded, and text made to collide costs only its own decoding.
 */
export class TextCache {
  /** ASCII only, so that finding a text by its bytes is finding the right one. */
  readonly #utf8 = noTexts()
  readonly #latin1 = noTexts()

  /** Bytes as UTF-8; what is none becomes U+FFFD. Asking Node takes 100 ns, a text that is known a third of it. */
  utf8(bytes: Buffer, from: number, to: number): string {
    const length = to - from
    if (length === 0) return ''
    if (length > kMaxLength) return bytes.toString('utf8', from, to)
    const slot = slotOf(bytes, from, to)
    const known = this.#utf8[slot]!
    if (known.length === length && isSame(known, bytes, from)) return known
    const text = bytes.toString('utf8', from, to)
    if (text.length === length) this.#utf8[slot] = text
    return text
  }

  /** A character for each byte. */
  latin1(bytes: Buffer, from: number, to: number): string {
    const length = to - from
    if (length === 0) return ''
    if (length > kMaxLength) return bytes.toString('latin1', from, to)
    const slot = slotOf(bytes, from, to)
    const known = this.#latin1[slot]!
    if (known.length === length && isSame(known, bytes, from)) return known
    const text = bytes.toString('latin1', from, to)
    this.#latin1[slot] = text
    return text
  }
}

function noTexts(): string[] {
  return new Array<string>(kSlots).fill('')
}

/** By length and some bytes, most of them at the end, where numbered names differ. */
function slotOf(bytes: Buffer, from: number, to: number): number {
  let hash = to - from
  hash = Math.imul(hash, 31) + bytes[from]!
  hash = Math.imul(hash, 31) + bytes[(from + to) >>> 1]!
  hash = Math.imul(hash, 31) + bytes[to - 1]!
  hash = Math.imul(hash, 31) + bytes[to - 2]!
  hash = Math.imul(hash, 31) + bytes[to - 3]!
  return (hash ^ (hash >>> 12)) & (kSlots - 1)
}

function isSame(text: string, bytes: Buffer, from: number): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) !== bytes[from + at]) return false
  return true
}
