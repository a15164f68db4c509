/** At least so large that malloc(3) maps a block of its own (docs/decisions/0134). */
const kPageBytes = 64 * 1024
/** 2 MiB: what is under way of a collection of a thousand units. With half of it V8 collected its heap twice as often. */
const kMaxFree = 32
/** Less does not get a page: the queue counts bytes, and what waits in it is to take little more than it counts. */
const kLeastBytes = 48 * 1024

/**
 * Memory of requests that were delivered, for those to come. Until a request has had its company and its answer, V8 has moved it
 * to the old generation, and would find it again only by collecting the whole heap.
 */
export class Pages {
  readonly #free: ArrayBuffer[] = []
  /** Pages that are with somebody: another buffer of that size, such as one that was read from a disk, may have more in it. */
  readonly #lent = new WeakSet<ArrayBufferLike>()

  /** A copy in pages, and what is small by itself. */
  copy(bytes: Uint8Array): Uint8Array[] {
    const chunks: Uint8Array[] = []
    for (let from = 0; from < bytes.length || chunks.length === 0; from += kPageBytes)
      chunks.push(this.#copyOf(bytes.subarray(from, from + kPageBytes)))
    return chunks
  }

  /** Nobody reads these any more, the kernel neither. Others than pages are left to the garbage collector. */
  giveBack(chunks: readonly Uint8Array[]): void {
    for (const { buffer } of chunks)
      if (this.#lent.delete(buffer) && this.#free.length < kMaxFree) this.#free.push(buffer as ArrayBuffer)
  }

  #copyOf(bytes: Uint8Array): Uint8Array {
    if (bytes.length < kLeastBytes) return new Uint8Array(bytes)
    const page = this.#free.pop() ?? new ArrayBuffer(kPageBytes)
    this.#lent.add(page)
    const copy = new Uint8Array(page, 0, bytes.length)
    copy.set(bytes)
    return copy
  }
}
