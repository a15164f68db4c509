import { promisify } from 'node:util'
import { gzip, type ZlibOptions } from 'node:zlib'

/** Bytes in pieces that are to be sent one after the other: joining them would copy all. */
export type Chunks = readonly Uint8Array[]

/** A compressor is 256 KiB of memory made for one request, some 0.5 ms: below this that is more than it saves. */
const kMinGzipBytes = 8 * 1024

/**
 * Of requests of this agent (events, spans, metrics; 24 KB to 930 KB) level 6, zlib's own choice, makes a tenth to a twentieth, and 3 makes 4 to 29 % more
 * than that in less than half the time: 0.17 instead of 0.45 ms for 24 KB of events, 3.1 instead of 6.9 ms for the metrics of a collection.
 */
const kLevel = 3

const gzipOffThread = promisify<Uint8Array, ZlibOptions, Buffer>(gzip)

export function lengthOf(chunks: Chunks): number {
  return chunks.reduce((sum, { byteLength }) => sum + byteLength, 0)
}

export function isWorthGzip(chunks: Chunks): boolean {
  return lengthOf(chunks) >= kMinGzipBytes
}

/** Compressing is done by a thread of the pool. */
export function gzipped(chunks: Chunks): Promise<Buffer> {
  return gzipOffThread(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks), { level: kLevel })
}
