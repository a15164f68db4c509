import { crc32 } from 'node:zlib'
import type { CaptureChunk } from '../../binding/signal-source.js'
import type { Snapshot } from '../../data/unit-snapshot.js'
import { decodeSnapshot, encodeSnapshot } from './snapshot.js'

/**
 * A recording of one systemd's signals: what it said of its units, then the raw bytes of the bus connection as they were
 * read. All integers are little endian.
 *
 * ```
 * file   := magic(8) version:u32 reserved:u32 frame*
 * frame  := type:u32 length:u32 crc32-of-payload:u32 payload(length)
 * type 1 := snapshot, JSON (the first frame, and only that)
 * type 2 := chunk: realtimeNs:u64 boottimeNs:u64 bytes
 * type 3 := end, JSON (last frame; missing when the recorder was killed)
 * ```
 *
 * All of it may be packed by gzip(1): systemd repeats itself, so 20 times smaller. A file that ends inside a frame is valid
 * up to there. Readers refuse versions and frame types they do not know.
 */
export const kMagic = Buffer.from([0x89, 0x55, 0x53, 0x52, 0x45, 0x43, 0x0d, 0x0a]) // \x89USREC\r\n: no text tool makes it
/** 2: dependencies in full. 1 is read, too. */
export const kVersion = 2
const kOldestVersion = 1
export const kHeaderBytes = 16
export const kFrameHeadBytes = 12
/** A snapshot of 10,000 units is about 8 MB. A chunk is one read of the bus socket and what was left of the one before. */
export const kMaxFrameBytes = 64 * 2 ** 20

const frameType = { snapshot: 1, chunk: 2, end: 3 } as const
const kChunkHeadBytes = 16

/** How a recording ended: `truncated` when the recorder could not keep up and bytes are missing before the end. */
export interface RecordingEnd {
  readonly reason: string
  readonly truncated: boolean
}

export type Frame =
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly kind: 'chunk'; readonly chunk: CaptureChunk }
  | { readonly kind: 'end'; readonly end: RecordingEnd }

/** A file that is no recording, or one this version cannot read. The message says which, where, and what to do. */
export class RecordingError extends Error {
  override readonly name = 'RecordingError'
}

export function encodeHeader(): Buffer {
  const header = Buffer.alloc(kHeaderBytes)
  kMagic.copy(header)
  header.writeUInt32LE(kVersion, 8)
  return header
}

/** @throws {RecordingError} when the file starts with anything else */
export function checkHeader(header: Buffer): void {
  if (header.length < kHeaderBytes || !header.subarray(0, kMagic.length).equals(kMagic))
    throw new RecordingError('this is not a recording made by `unitscope record`')
  const version = header.readUInt32LE(8)
  if (version < kOldestVersion || version > kVersion)
    throw new RecordingError(
      `the recording has format ${version}, this version reads ${kOldestVersion} to ${kVersion}: use the unitscope that made it, or a newer one`,
    )
}

export function encodeFrame(frame: Frame): Buffer[] {
  const payload = encodePayload(frame)
  const length = payload.reduce((sum, part) => sum + part.length, 0)
  if (length > kMaxFrameBytes) throw new RecordingError(`a ${frame.kind} of ${length} bytes is too large to record`)
  const head = Buffer.alloc(kFrameHeadBytes)
  head.writeUInt32LE(frameType[frame.kind], 0)
  head.writeUInt32LE(length, 4)
  head.writeUInt32LE(
    // zlib takes a part without memory for "begin anew" and answers 0 (Node 20: a view of an empty ArrayBuffer).
    payload.reduce((sum, part) => (part.length === 0 ? sum : crc32(part, sum)), 0),
    8,
  )
  return [head, ...payload]
}

function encodePayload(frame: Frame): Buffer[] {
  switch (frame.kind) {
    case 'snapshot':
      return [encodeSnapshot(frame.snapshot)]
    case 'chunk': {
      const { realtimeNs, boottimeNs, bytes } = frame.chunk
      const head = Buffer.alloc(kChunkHeadBytes)
      head.writeBigUInt64LE(realtimeNs, 0)
      head.writeBigUInt64LE(boottimeNs, 8)
      return [head, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)]
    }
    case 'end':
      return [Buffer.from(JSON.stringify(frame.end))]
  }
}

/** @throws {RecordingError} for an unknown type or a payload that does not fit it */
export function decodeFrame(type: number, payload: Buffer): Frame {
  switch (type) {
    case frameType.snapshot:
      return { kind: 'snapshot', snapshot: snapshotOf(payload) }
    case frameType.chunk:
      if (payload.length < kChunkHeadBytes) throw new RecordingError('the chunk is shorter than its head')
      return {
        kind: 'chunk',
        chunk: {
          realtimeNs: payload.readBigUInt64LE(0),
          boottimeNs: payload.readBigUInt64LE(8),
          bytes: payload.subarray(kChunkHeadBytes),
        },
      }
    case frameType.end: {
      const { reason, truncated } = (parseJson(payload) ?? {}) as Partial<RecordingEnd>
      return { kind: 'end', end: { reason: String(reason), truncated: truncated === true } }
    }
    default:
      throw new RecordingError(`unknown frame type ${type}`)
  }
}

function snapshotOf(payload: Buffer): Snapshot {
  const snapshot = decodeSnapshot(parseJson(payload))
  if (typeof snapshot === 'string') throw new RecordingError(`the snapshot is not as expected: ${snapshot}`)
  return snapshot
}

function parseJson(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8'))
  } catch {
    throw new RecordingError('the frame holds no valid JSON')
  }
}
