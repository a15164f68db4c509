import type { Parcel } from '../../lib/delivery/bounded-queue.js'
import { snappyElements, snappyLength } from './snappy.js'

/** The series of one batch, compressed. */
export interface Part {
  readonly items: number
  /** Before compression. */
  readonly rawBytes: number
  readonly elements: Buffer
}

/** One request: the parts of it follow each other, in the protobuf message as in its compressed form. */
export interface WriteParcel extends Parcel {
  readonly parts: readonly Part[]
}

export function parcelOf(items: number, raw: Uint8Array): WriteParcel {
  const elements = snappyElements(raw)
  return { items, byteLength: elements.length, parts: [{ items, rawBytes: raw.length, elements }] }
}

/** Oldest first. Nothing is compressed again: a WriteRequest is a list, and so are snappy's elements. */
export function joinParcels(parcels: readonly WriteParcel[]): WriteParcel {
  return parcelWith(parcels.flatMap(({ parts }) => parts))
}

export function parcelWith(parts: readonly Part[]): WriteParcel {
  const items = parts.reduce((sum, part) => sum + part.items, 0)
  const byteLength = parts.reduce((sum, part) => sum + part.elements.length, 0)
  return { items, byteLength, parts }
}

/** The body of the request. */
export function bodyOf({ parts }: WriteParcel): Buffer {
  const rawBytes = parts.reduce((sum, part) => sum + part.rawBytes, 0)
  return Buffer.concat([snappyLength(rawBytes), ...parts.map(({ elements }) => elements)])
}
