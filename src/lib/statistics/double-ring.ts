/** Most rings of failures stay nearly empty: room for so many at first, then twice as much each time. */
const kFirstRoom = 8

/** The newest `capacity` numbers, oldest first: 8 bytes each, and never more room than `capacity`. */
export class DoubleRing {
  readonly #capacity: number
  #values: Float64Array
  #start = 0
  #length = 0

  /** @param capacity - whole, at least 1 */
  constructor(capacity: number) {
    this.#capacity = capacity
    this.#values = new Float64Array(Math.min(capacity, kFirstRoom))
  }

  get length(): number {
    return this.#length
  }

  get capacity(): number {
    return this.#capacity
  }

  /** Adds one; when full, the oldest gives way and is returned. */
  push(value: number): number | undefined {
    if (this.#length === this.#values.length && this.#length < this.#capacity) this.#grow()
    const values = this.#values
    if (this.#length < values.length) {
      values[this.#slot(this.#length++)] = value
      return undefined
    }
    const oldest = values[this.#start]!
    values[this.#start] = value
    this.#start = this.#start + 1 === values.length ? 0 : this.#start + 1
    return oldest
  }

  /** The i-th, 0 the oldest, -1 the newest; undefined where there is none. */
  at(index: number): number | undefined {
    const from = index < 0 ? index + this.#length : index
    return from >= 0 && from < this.#length ? this.#values[this.#slot(from)] : undefined
  }

  clear(): void {
    this.#start = 0
    this.#length = 0
  }

  /** Copies all, oldest first, to the start of `target`, which must have room for `length`, and returns the part written. */
  copyInto(target: Float64Array): Float64Array {
    const first = Math.min(this.#length, this.#values.length - this.#start)
    target.set(this.#values.subarray(this.#start, this.#start + first))
    target.set(this.#values.subarray(0, this.#length - first), first)
    return target.subarray(0, this.#length)
  }

  #grow(): void {
    const values = new Float64Array(Math.min(2 * this.#length, this.#capacity))
    this.copyInto(values)
    this.#values = values
    this.#start = 0
  }

  #slot(index: number): number {
    const slot = this.#start + index
    return slot < this.#values.length ? slot : slot - this.#values.length
  }
}
