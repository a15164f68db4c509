import { type Signal, signals } from '../../data/batch.js'
import type { Metadata } from '../../data/resource.js'
import type { EncodedRequest, Encoding } from './encode.js'

/** Numbers that stand on disks: a signal's, and an encoding's, must never change. */
const numbers: Readonly<Record<Encoding, Readonly<Record<Signal, number>>>> = {
  proto: { logs: 1, metrics: 2, traces: 3 },
  json: { logs: 4, metrics: 5, traces: 6 },
}
const encodings = Object.keys(numbers) as readonly Encoding[]

/** Added to the number of a request that has metadata: JSON of it stands before the body, after its length in two bytes. */
const kWithMetadata = 16

interface StoredEntry {
  readonly kind: number
  readonly items: number
  readonly body: Uint8Array
}

/** Requests as a queue on disk keeps them: their bytes, and which signal and encoding they are of. */
export const storedRequests = {
  entryOf({ signal, encoding, items, chunks, byteLength, metadata }: EncodedRequest) {
    const kind = numbers[encoding][signal]
    if (metadata === undefined) return { kind, items, chunks, byteLength }
    const head = headOf(metadata)
    return { kind: kind + kWithMetadata, items, chunks: [head, ...chunks], byteLength: head.byteLength + byteLength }
  },
  parcelOf(entry: StoredEntry): EncodedRequest | undefined {
    const { kind, items } = entry
    if (kind > kWithMetadata) return withMetadata(entry)
    const { body } = entry
    for (const encoding of encodings) {
      const signal = signals.find((one) => numbers[encoding][one] === kind)
      if (signal !== undefined) return { signal, encoding, items, chunks: [body], byteLength: body.byteLength }
    }
    return undefined
  },
}

function headOf(metadata: Metadata): Buffer {
  const json = Buffer.from(JSON.stringify(metadata)) // eight values of 256 characters at most
  const head = Buffer.alloc(2 + json.length)
  head.writeUInt16BE(json.length)
  json.copy(head, 2)
  return head
}

function withMetadata({ kind, items, body }: StoredEntry): EncodedRequest | undefined {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const end = bytes.length < 2 ? Number.POSITIVE_INFINITY : 2 + bytes.readUInt16BE()
  if (end > bytes.length) return undefined
  const request = storedRequests.parcelOf({ kind: kind - kWithMetadata, items, body: body.subarray(end) })
  return request && { ...request, metadata: JSON.parse(bytes.toString('utf8', 2, end)) as Metadata }
}
