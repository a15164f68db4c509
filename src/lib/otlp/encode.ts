import { type Batch, countItems, emptyBatch, type Signal } from '../../data/batch.js'
import { writeLogsRequest } from './encode-logs.js'
import { writeMetricsRequest } from './encode-metrics.js'
import { writeTracesRequest } from './encode-traces.js'
import { Pages } from './pages.js'
import { ProtobufWriter } from './protobuf-writer.js'
import type { Scope } from './scope.js'

/** One Export*ServiceRequest as protobuf bytes. */
export interface EncodedRequest {
  readonly signal: Signal
  readonly items: number
  /** One after the other they are the request: those of joined requests are not copied. */
  readonly chunks: readonly Uint8Array[]
  readonly byteLength: number
}

/**
 * One request with the records of several of one signal. Their bytes one after the other: a repeated field that comes again
 * goes on (protobuf.dev/programming-guides/encoding, "Last One Wins"), and a request is nothing but one repeated field.
 */
export function joinRequests(requests: readonly EncodedRequest[]): EncodedRequest {
  const { signal } = requests[0]!
  const items = requests.reduce((sum, request) => sum + request.items, 0)
  const byteLength = requests.reduce((sum, request) => sum + request.byteLength, 0)
  return { signal, items, chunks: requests.flatMap(({ chunks }) => chunks), byteLength }
}

/** Encodes batches as OTLP requests, one per signal that has records. Keeps some memory; not for use across threads. */
export class OtlpEncoder {
  readonly #writer = new ProtobufWriter()
  readonly #pages = new Pages()
  readonly #scope: Scope

  constructor(scope: Scope) {
    this.#scope = scope
  }

  encode(batch: Batch): readonly EncodedRequest[] {
    const requests: EncodedRequest[] = []
    this.#writer.reset()
    if (batch.events.length > 0) {
      writeLogsRequest(this.#writer, batch.events, this.#scope)
      requests.push(this.#take('logs', batch.events.length))
    }
    if (batch.metrics.length > 0) {
      writeMetricsRequest(this.#writer, batch.metrics, this.#scope)
      requests.push(this.#take('metrics', countItems({ ...emptyBatch, metrics: batch.metrics })))
    }
    if (batch.spans.length > 0) {
      writeTracesRequest(this.#writer, batch.spans, this.#scope)
      requests.push(this.#take('traces', batch.spans.length))
    }
    return requests
  }

  /** What `encode` made, joined or not, is not needed any more: its memory will be that of other requests. */
  giveBack({ chunks }: EncodedRequest): void {
    this.#pages.giveBack(chunks)
  }

  #take(signal: Signal, items: number): EncodedRequest {
    const bytes = this.#writer.written()
    const chunks = this.#pages.copy(bytes)
    this.#writer.reset()
    return { signal, items, chunks, byteLength: bytes.byteLength }
  }
}
