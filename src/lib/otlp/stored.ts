import { type Signal, signals } from '../../data/batch.js'
import type { EncodedRequest, Encoding } from './encode.js'

/** Numbers that stand on disks: a signal's, and an encoding's, must never change. */
const numbers: Readonly<Record<Encoding, Readonly<Record<Signal, number>>>> = {
  proto: { logs: 1, metrics: 2, traces: 3 },
  json: { logs: 4, metrics: 5, traces: 6 },
}
const encodings = Object.keys(numbers) as readonly Encoding[]

/** Requests as a queue on disk keeps them: their bytes, and which signal and encoding they are of. */
export const storedRequests = {
  entryOf({ signal, encoding, items, chunks, byteLength }: EncodedRequest) {
    return { kind: numbers[encoding][signal], items, chunks, byteLength }
  },
  parcelOf({ kind, items, body }: { readonly kind: number; readonly items: number; readonly body: Uint8Array }) {
    for (const encoding of encodings) {
      const signal = signals.find((one) => numbers[encoding][one] === kind)
      if (signal !== undefined) return { signal, encoding, items, chunks: [body], byteLength: body.byteLength }
    }
    return undefined
  },
}
