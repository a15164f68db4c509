import { messageBytes } from './reply.js'

/** Cuts a stream into messages, whatever the chunks. */
export class Framer {
  #held: Buffer[] = []
  #heldBytes = 0
  /** Bytes of the message that begins with what is held; undefined as long as its head is not there. */
  #wanted: number | undefined;

  /**
   * @returns the messages that `chunk` completes; they last as long as it does
   * @throws {WireError} when what comes is no message
   */
  *feed(chunk: Buffer): Generator<Buffer, void, undefined> {
    let bytes = this.#take(chunk)
    if (bytes === undefined) return
    let size = messageBytes(bytes)
    while (size !== undefined && size <= bytes.length) {
      yield bytes.subarray(0, size)
      bytes = bytes.subarray(size)
      size = messageBytes(bytes)
    }
    if (bytes.length > 0) this.#hold(bytes)
    this.#wanted = size
  }

  /** All that is held, with `chunk`; undefined when that is no whole message: a large one is put together once. */
  #take(chunk: Buffer): Buffer | undefined {
    if (this.#heldBytes === 0) return chunk
    this.#hold(chunk)
    if (this.#wanted !== undefined && this.#heldBytes < this.#wanted) return undefined
    const bytes = Buffer.concat(this.#held)
    this.#held = []
    this.#heldBytes = 0
    return bytes
  }

  #hold(bytes: Buffer): void {
    this.#held.push(bytes)
    this.#heldBytes += bytes.length
  }
}
