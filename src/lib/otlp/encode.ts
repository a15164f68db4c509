import { type Batch, countItems, emptyBatch, type Signal } from '../../data/batch.js'
import type { Metadata } from '../../data/resource.js'
import { writeLogsRequest } from './encode-logs.js'
import { writeMetricsRequest } from './encode-metrics.js'
import { writeTracesRequest } from './encode-traces.js'
import { requestField } from './json.js'
import { Pages } from './pages.js'
import { ProtobufWriter } from './protobuf-writer.js'
import type { Scope } from './scope.js'

/** How records are written: `proto` for gRPC and HTTP, `json` (OTLP/JSON) for HTTP only. */
export type Encoding = 'proto' | 'json'

/** One Export*ServiceRequest, but for what `bodyOf` puts around it. */
export interface EncodedRequest {
  readonly signal: Signal
  readonly encoding: Encoding
  readonly items: number
  /** One after the other they are the request: those of joined requests are not copied. */
  readonly chunks: readonly Uint8Array[]
  readonly byteLength: number
  /** Headers that came with the records, to be sent with them: of all of them the same. */
  readonly metadata?: Metadata
}

/** Encodes batches as requests, one per signal that has records. Keeps some memory; not for use across threads. */
export interface RequestEncoder {
  encode(batch: Batch): readonly EncodedRequest[]
  /** What `encode` made, joined or not, is not needed any more: its memory will be that of other requests. */
  giveBack(request: EncodedRequest): void
}

const kComma = Buffer.from(',')

/**
 * One request with the records of several of one signal and encoding. Their bytes one after the other: a repeated field that
 * comes again goes on (protobuf.dev/programming-guides/encoding, "Last One Wins"), and a request is nothing but one repeated
 * field; in JSON its elements stand in a list.
 */
export function joinRequests(requests: readonly EncodedRequest[]): EncodedRequest {
  const { signal, encoding, metadata } = requests[0]!
  const items = requests.reduce((sum, request) => sum + request.items, 0)
  const commas = encoding === 'json' ? requests.length - 1 : 0
  const byteLength = requests.reduce((sum, request) => sum + request.byteLength, commas)
  const chunks = requests.flatMap((request, index) =>
    encoding === 'json' && index > 0 ? [kComma, ...request.chunks] : request.chunks,
  )
  const whole = { signal, encoding, items, chunks, byteLength }
  return metadata === undefined ? whole : { ...whole, metadata }
}

/** The request as a server is to get it. */
export function bodyOf({ signal, encoding, chunks }: EncodedRequest): readonly Uint8Array[] {
  return encoding === 'proto' ? chunks : [Buffer.from(`{"${requestField[signal]}":[`), ...chunks, kEnd]
}

const kEnd = Buffer.from(']}')

/** As protobuf. */
export class OtlpEncoder implements RequestEncoder {
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

  giveBack({ chunks }: EncodedRequest): void {
    this.#pages.giveBack(chunks)
  }

  #take(signal: Signal, items: number): EncodedRequest {
    const bytes = this.#writer.written()
    const chunks = this.#pages.copy(bytes)
    this.#writer.reset()
    return { signal, encoding: 'proto', items, chunks, byteLength: bytes.byteLength }
  }
}
