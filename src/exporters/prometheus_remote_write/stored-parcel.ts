import type { Storage } from '../../lib/delivery/backlog.js'
import { parcelWith, type WriteParcel } from './parcel.js'

/** Stands on disks, and must never change; those below are of OTLP requests. */
const kKind = 32
/** What stands before the series: who wrote it, their bytes before compression, events and points; each 32 bits, little endian. */
const kHeadBytes = 16

/**
 * Parcels as a queue on disk keeps them. Of what another writer has left it is not known whether a request was under way when
 * that ended.
 *
 * @param writer - a number of 32 bits that no other process has, as good as certain
 */
export function storedParcels(writer: number): Pick<Storage<WriteParcel>, 'entryOf' | 'parcelOf'> {
  return {
    entryOf({ items, parts }) {
      // What is kept is what is offered: one part. They are joined when they are sent.
      const { signals, rawBytes, elements } = parts[0]!
      const head = Buffer.alloc(kHeadBytes)
      head.writeUInt32LE(writer)
      head.writeUInt32LE(rawBytes, 4)
      head.writeUInt32LE(signals.logs ?? 0, 8)
      head.writeUInt32LE(signals.metrics ?? 0, 12)
      return { kind: kKind, items, chunks: [head, elements], byteLength: kHeadBytes + elements.length }
    },
    parcelOf({ kind, items, body }) {
      if (kind !== kKind || body.length < kHeadBytes) return undefined
      const [logs, metrics] = [body.readUInt32LE(8), body.readUInt32LE(12)]
      if (logs + metrics !== items) return undefined
      const elements = body.subarray(kHeadBytes)
      const part = { signals: { logs, metrics }, rawBytes: body.readUInt32LE(4), elements }
      return parcelWith([{ ...part, isInherited: body.readUInt32LE() !== writer }])
    },
  }
}
