import { gunzipSync } from 'node:zlib'
import { type Chunks, gzipped, lengthOf } from '../../util/chunks.js'
import type { GrpcStatus } from './status.js'

// Length-Prefixed-Message of grpc/doc/PROTOCOL-HTTP2.md: a byte that says whether it is compressed, four of length, the message.

const kPrefixBytes = 5

/** One message as it goes on the wire. Compressing is done by a thread of the pool. */
export async function framed(message: Chunks, compressed: boolean): Promise<Chunks> {
  const body = compressed ? [await gzipped(message)] : message
  const prefix = Buffer.allocUnsafe(kPrefixBytes)
  prefix[0] = compressed ? 1 : 0
  prefix.writeUInt32BE(lengthOf(body), 1)
  return [prefix, ...body.filter(({ byteLength }) => byteLength > 0)] // node:http2 does not finish what has an empty piece
}

/** Collects the one message of a unary answer, of at most `maxBytes`. */
export class MessageReader {
  readonly #maxBytes: number
  #chunks: Buffer[] = []
  #bytes = 0
  /** Length of the message, from its prefix on. */
  #announced: number | undefined

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** @returns why it is too much: nothing more of it needs to arrive */
  push(chunk: Buffer): GrpcStatus | undefined {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes < kPrefixBytes) return undefined
    // Joined once: a server may send a byte at a time, and joining at each would copy the square of it.
    this.#announced ??= Buffer.concat(this.#chunks).readUInt32BE(1)
    const announced = this.#announced
    if (announced <= this.#maxBytes && this.#bytes <= this.#maxBytes + kPrefixBytes) return undefined
    const bytes = Math.max(announced, this.#bytes - kPrefixBytes)
    return { name: 'RESOURCE_EXHAUSTED', details: `an answer of ${bytes} bytes, more than ${this.#maxBytes}` }
  }

  /**
   * The message, after the last of its bytes.
   *
   * @param encoding - the answer's grpc-encoding
   */
  finish(encoding: string): Uint8Array | GrpcStatus {
    const bytes = Buffer.concat(this.#chunks)
    if (bytes.length === 0) return { name: 'UNIMPLEMENTED', details: 'the answer has no message' }
    if (bytes.length < kPrefixBytes) return broken(`${bytes.length} bytes are no message`)
    const end = kPrefixBytes + bytes.readUInt32BE(1)
    if (bytes.length < end) return broken(`a message of ${end} bytes ends after ${bytes.length}`)
    if (bytes.length > end) return { name: 'UNIMPLEMENTED', details: 'the answer has more than one message' }
    const body = bytes.subarray(kPrefixBytes)
    if (bytes[0] === 0) return body
    if (bytes[0] !== 1) return broken(`compressed flag ${bytes[0]}`)
    // Collectors written in Go answer in the encoding they were asked in.
    if (encoding !== 'gzip') return broken(`a compressed message with grpc-encoding "${encoding.slice(0, 40)}"`)
    try {
      return gunzipSync(body, { maxOutputLength: this.#maxBytes })
    } catch (error) {
      return broken(`the message is not what gzip makes, or too much: ${(error as Error).message}`)
    }
  }
}

function broken(details: string): GrpcStatus {
  return { name: 'INTERNAL', details }
}
