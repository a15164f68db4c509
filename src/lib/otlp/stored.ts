import { type Signal, signals } from '../../data/batch.js'
import type { EncodedRequest } from './encode.js'

/** Numbers that stand on disks: a signal's must never change. */
const numbers: Readonly<Record<Signal, number>> = { logs: 1, metrics: 2, traces: 3 }

/** Requests as a queue on disk keeps them: their bytes, and which signal they are of. */
export const storedRequests = {
  entryOf({ signal, items, chunks, byteLength }: EncodedRequest) {
    return { kind: numbers[signal], items, chunks, byteLength }
  },
  parcelOf({ kind, items, body }: { readonly kind: number; readonly items: number; readonly body: Uint8Array }) {
    const signal = signals.find((one) => numbers[one] === kind)
    return signal === undefined ? undefined : { signal, items, chunks: [body], byteLength: body.byteLength }
  },
}
