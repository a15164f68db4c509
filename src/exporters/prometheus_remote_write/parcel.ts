import type { Items } from '../../data/batch.js'
import { Tally } from '../../data/tally.js'
import type { Parcel } from '../../lib/delivery/bounded-queue.js'
import { snappyElements, snappyLength } from './snappy.js'

/** The series of one batch, compressed. */
export interface Part {
  /** Points and events. */
  readonly signals: Items
  /** Before compression. */
  readonly rawBytes: number
  readonly elements: Buffer
  /** An earlier process has left it on disk, and may have sent it. */
  readonly isInherited?: boolean
}

/** One request: the parts of it follow each other, in the protobuf message as in its compressed form. */
export interface WriteParcel extends Parcel {
  readonly parts: readonly Part[]
  readonly signals: Items
}

export function parcelOf(signals: Items, raw: Uint8Array): WriteParcel {
  return parcelWith([{ signals, rawBytes: raw.length, elements: snappyElements(raw) }])
}

/** Oldest first. Nothing is compressed again: a WriteRequest is a list, and so are snappy's elements. */
export function joinParcels(parcels: readonly WriteParcel[]): WriteParcel {
  return parcelWith(parcels.flatMap(({ parts }) => parts))
}

export function parcelWith(parts: readonly Part[]): WriteParcel {
  const signals = new Tally()
  for (const part of parts) signals.add(part.signals)
  const byteLength = parts.reduce((sum, part) => sum + part.elements.length, 0)
  return { items: signals.total, signals, byteLength, parts }
}

/** The body of the request. */
export function bodyOf({ parts }: WriteParcel): Buffer {
  const rawBytes = parts.reduce((sum, part) => sum + part.rawBytes, 0)
  return Buffer.concat([snappyLength(rawBytes), ...parts.map(({ elements }) => elements)])
}
