import { randomBytes } from 'node:crypto'

/** So that nobody can look for two names that are one number here. */
const seed = randomBytes(8)
const seedLow = seed.readInt32LE(0)
const seedHigh = seed.readInt32LE(4)

/** Looked up once: at each of many kinds of string V8 would call for it (see protobuf-writer.ts). */
const { charCodeAt } = String.prototype

const kFirst = 64
const kTwo32 = 2 ** 32

/**
 * Keys seen of late; past `max` the oldest is forgotten.
 *
 * Of a key a number of 53 bits is kept, not its text: 8192 keys are 0.2 MiB instead of 2.4, and none of them is moved to V8's old generation, only
 * to be garbage there soon. That a key is taken for another of 8192 happens once in 10^12.
 */
export class RecentKeys {
  readonly #max: number
  /** In the order in which they came, from `#oldest` on once it is full. */
  #inOrder = new Float64Array(kFirst)
  #size = 0
  #oldest = 0
  /** Open addressing, at most half full; 0 is free. */
  #slots = new Float64Array(2 * kFirst)

  constructor(max: number) {
    this.#max = max
  }

  has(key: string): boolean {
    return this.#slots[this.#find(numberOf(key))] !== 0
  }

  /** Whether it was not there. */
  add(key: string): boolean {
    const number = numberOf(key)
    if (this.#slots[this.#find(number)] !== 0) return false
    if (this.#size < this.#max) {
      if (this.#size === this.#inOrder.length) this.#grow()
      this.#inOrder[this.#size++] = number
    } else {
      this.#remove(this.#inOrder[this.#oldest]!)
      this.#inOrder[this.#oldest] = number
      this.#oldest = (this.#oldest + 1) % this.#max
    }
    this.#slots[this.#find(number)] = number
    return true
  }

  /** Where it is, or where it would be. */
  #find(number: number): number {
    const slots = this.#slots
    const mask = slots.length - 1
    let at = number & mask
    while (slots[at] !== 0 && slots[at] !== number) at = (at + 1) & mask
    return at
  }

  /** What stands behind it moves up, where it may: a search ends at the first free slot. */
  #remove(number: number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    let free = this.#find(number)
    for (let at = (free + 1) & mask; slots[at] !== 0; at = (at + 1) & mask) {
      const wanted = slots[at]! & mask
      if (((at - wanted) & mask) < ((at - free) & mask)) continue
      slots[free] = slots[at]!
      free = at
    }
    slots[free] = 0
  }

  #grow(): void {
    const longer = new Float64Array(2 * this.#inOrder.length)
    longer.set(this.#inOrder)
    this.#inOrder = longer
    this.#slots = new Float64Array(2 * longer.length)
    for (let at = 0; at < this.#size; at++) this.#slots[this.#find(longer[at]!)] = longer[at]!
  }
}

/** 1 to 2^53 - 1: two sums over the text, each mixed as in MurmurHash3's end. */
function numberOf(text: string): number {
  let low = seedLow
  let high = seedHigh
  const { length } = text
  for (let at = 0; at < length; at++) {
    const code = charCodeAt.call(text, at)
    low = Math.imul(low ^ code, 0x01000193)
    high = Math.imul(high ^ code, 0x5bd1e995)
    high ^= high >>> 15
  }
  return (mixed(high ^ length) & 0x1fffff) * kTwo32 + (mixed(low ^ high) >>> 0) || 1
}

function mixed(sum: number): number {
  let mix = Math.imul(sum ^ (sum >>> 16), 0x85ebca6b)
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35)
  return mix ^ (mix >>> 16)
}
