import { crc32 } from 'node:zlib'

/**
 * What the files of a queue look like; all numbers little-endian.
 *
 *     0000000007.log    header 32 | record | record | ...
 *     record            head 32 (marker, kind, index, items before, items, length, CRC of the body, CRC of the head) | body
 *     0000000007.done   header 32 | mark 16 | mark 16 | note 16 | note 16 | ...
 *     mark              records, items, end: how far the log goes; written by turns into one of two places
 *     note              index, items, why: this record is settled
 *
 * The CRCs of records begin with a random number of the segment, so that a body which holds what looks like a record (a queue
 * in a log line) is never taken for one. See docs/decisions/0290.
 */
export const kFormatVersion = 1

export const kHeaderBytes = 32
export const kHeadBytes = 32
export const kMarkBytes = 16
export const kNoteBytes = 16
/** Notes begin behind the header and both marks. */
export const kNotesStart = kHeaderBytes + 2 * kMarkBytes

const magics = { log: 'USQ-LOG\n', done: 'USQ-DONE' } as const
export type FileKind = keyof typeof magics

/** 'USQR', how each record begins. */
const kMarker = 0x52_51_53_55
export const markerBytes: Buffer = Buffer.from('USQR', 'latin1')

export interface Header {
  /** Of the segment; its file is named by it. */
  readonly number: number
  readonly salt: number
}

export function encodeHeader(kind: FileKind, { number, salt }: Header): Buffer {
  const bytes = Buffer.alloc(kHeaderBytes)
  bytes.write(magics[kind], 'latin1')
  bytes.writeUInt32LE(kFormatVersion, 8)
  bytes.writeUInt32LE(salt, 12)
  bytes.writeBigUInt64LE(BigInt(number), 16)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 28)), 28)
  return bytes
}

/** `whole`: its CRC is where ours is, and right. A newer header may look otherwise altogether. */
export type DecodedHeader = Header | { readonly damaged: true } | { readonly version: number; readonly whole: boolean }

export function decodeHeader(kind: FileKind, bytes: Buffer): DecodedHeader {
  if (bytes.length < kHeaderBytes || bytes.toString('latin1', 0, 8) !== magics[kind]) return { damaged: true }
  const whole = bytes.readUInt32LE(28) === crc32(bytes.subarray(0, 28))
  const version = bytes.readUInt32LE(8)
  if (version !== kFormatVersion) return { version, whole }
  if (!whole) return { damaged: true }
  return { salt: bytes.readUInt32LE(12), number: Number(bytes.readBigUInt64LE(16)) }
}

/** What stands before a body. */
export interface Head {
  /** The owner's: what the body is. */
  readonly kind: number
  /** Of the record in its segment, from 0. */
  readonly index: number
  /** Of all records before it in its segment. */
  readonly itemsBefore: number
  readonly items: number
  /** Of the body, in bytes. */
  readonly length: number
  readonly bodySum: number
}

export function encodeHead(head: Head, salt: number): Buffer {
  const bytes = Buffer.allocUnsafe(kHeadBytes)
  bytes.writeUInt32LE(kMarker, 0)
  bytes.writeUInt32LE(head.kind, 4)
  bytes.writeUInt32LE(head.index, 8)
  bytes.writeUInt32LE(head.itemsBefore, 12)
  bytes.writeUInt32LE(head.items, 16)
  bytes.writeUInt32LE(head.length, 20)
  bytes.writeUInt32LE(head.bodySum, 24)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 28), salt), 28)
  return bytes
}

/** The head at `at`, of which all 32 bytes must be there; undefined when it is none. */
export function decodeHead(bytes: Buffer, at: number, salt: number): Head | undefined {
  if (bytes.readUInt32LE(at) !== kMarker) return undefined
  if (bytes.readUInt32LE(at + 28) !== crc32(bytes.subarray(at, at + 28), salt)) return undefined
  return {
    kind: bytes.readUInt32LE(at + 4),
    index: bytes.readUInt32LE(at + 8),
    itemsBefore: bytes.readUInt32LE(at + 12),
    items: bytes.readUInt32LE(at + 16),
    length: bytes.readUInt32LE(at + 20),
    bodySum: bytes.readUInt32LE(at + 24),
  }
}

export function bodySum(chunks: readonly Uint8Array[], salt: number): number {
  let sum = salt
  for (const chunk of chunks) sum = crc32(chunk, sum)
  return sum
}

/** How far a log goes: what comes behind `end` was never acknowledged. */
export interface Mark {
  readonly records: number
  readonly items: number
  /** Where the last record ends in the file. */
  readonly end: number
}

export interface Note {
  readonly index: number
  readonly items: number
  /** `lost`: it was damaged, and is counted. */
  readonly why: 'done' | 'lost'
}

export const encodeMark = ({ records, items, end }: Mark): Buffer => encodeThree(records, items, end)
export const encodeNote = ({ index, items, why }: Note): Buffer => encodeThree(index, items, why === 'done' ? 1 : 2)

export function decodeMark(bytes: Buffer, at: number): Mark | undefined {
  const three = decodeThree(bytes, at)
  return three && { records: three[0], items: three[1], end: three[2] }
}

export function decodeNote(bytes: Buffer, at: number): Note | undefined {
  const three = decodeThree(bytes, at)
  return three && { index: three[0], items: three[1], why: three[2] === 1 ? 'done' : 'lost' }
}

function encodeThree(a: number, b: number, c: number): Buffer {
  const bytes = Buffer.allocUnsafe(16)
  bytes.writeUInt32LE(a, 0)
  bytes.writeUInt32LE(b, 4)
  bytes.writeUInt32LE(c, 8)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 12)), 12)
  return bytes
}

function decodeThree(bytes: Buffer, at: number): readonly [number, number, number] | undefined {
  if (bytes.length < at + 16 || bytes.readUInt32LE(at + 12) !== crc32(bytes.subarray(at, at + 12))) return undefined
  return [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4), bytes.readUInt32LE(at + 8)]
}

const namePattern = /^(\d{10})\.(log|done)$/

export function fileName(number: number, kind: FileKind): string {
  return `${String(number).padStart(10, '0')}.${kind}`
}

/** Undefined: not a file of a queue. */
export function parseFileName(name: string): { readonly number: number; readonly kind: FileKind } | undefined {
  const match = namePattern.exec(name)
  return match === null ? undefined : { number: Number(match[1]), kind: match[2] as FileKind }
}
