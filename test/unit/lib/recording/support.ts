import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { crc32, gunzipSync } from 'node:zlib'
import { encodeHeader, kFrameHeadBytes, kHeaderBytes } from '../../../../src/lib/recording/format.js'

export const committed = fileURLToPath(new URL('../../../fixtures/recordings/lab.usrec.gz', import.meta.url))

/** A frame as it lies in a file, written by hand: tests of a reader must not trust the writer. */
export interface RawFrame {
  readonly type: number
  readonly payload: Buffer
}

export const frameType = { snapshot: 1, chunk: 2, end: 3 } as const

export function frame(type: number, payload: Buffer | string): Buffer {
  const body = Buffer.from(payload as string)
  const head = Buffer.alloc(kFrameHeadBytes)
  head.writeUInt32LE(type, 0)
  head.writeUInt32LE(body.length, 4)
  head.writeUInt32LE(crc32(body), 8)
  return Buffer.concat([head, body])
}

export function file(...frames: readonly Buffer[]): Buffer {
  return Buffer.concat([encodeHeader(), ...frames])
}

/** The frames of a recording without damage. */
export function framesOf(bytes: Buffer): RawFrame[] {
  const frames: RawFrame[] = []
  for (let at = kHeaderBytes; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at + 4)
    const begin = at + kFrameHeadBytes
    frames.push({ type: bytes.readUInt32LE(at), payload: bytes.subarray(begin, begin + length) })
    at = begin + length
  }
  return frames
}

/** The first seconds of the committed recording, as a recording of its own. */
export function shortRecording(chunks: number): RawFrame[] {
  const all = framesOf(gunzipSync(readFileSync(committed)))
  return [...all.slice(0, 1 + chunks), all.at(-1)!]
}

export const joined = (frames: readonly RawFrame[]): Buffer =>
  file(...frames.map(({ type, payload }) => frame(type, payload)))
