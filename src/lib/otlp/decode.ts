import type { Batch, Signal } from '../../data/batch.js'
import type { RawEvent } from '../../data/event.js'
import type { Metadata, Resource } from '../../data/resource.js'
import type { Span } from '../../data/span.js'
import { Cursor, WireError } from './cursor.js'
import { noOmissions, type Omissions, type Source } from './decode-common.js'
import { type Container, readContainers } from './decode-containers.js'
import { readLogRecord } from './decode-logs.js'
import { type ReadMetrics, readMetric } from './decode-metrics.js'
import { readSpan } from './decode-traces.js'
import { Origins } from './origins.js'

/** What a request came to. */
export interface Decoded {
  readonly batch: Batch
  /** Spans and points left out, for the answer's partial success. */
  readonly rejected: number
  readonly omitted: Omissions
}

/** Why a request was not taken, and where in it. */
export interface Malformed {
  readonly reason: string
  /** Bytes from the request's beginning; undefined for JSON, whose reason names the field. */
  readonly offset: number | undefined
}

/**
 * Decodes Export*ServiceRequests of any program. Nothing of what is valid is lost: what the records have no place for stays
 * with them encoded. Bounded in depth and number of parts; the size is the caller's to limit. Not for use across threads.
 */
export class OtlpDecoder {
  readonly #cursor = new Cursor()
  readonly #origins = new Origins()

  /** @param metadata - stays with the records as `origin.metadata` */
  decode(signal: Signal, request: Uint8Array, metadata?: Metadata): Decoded | Malformed {
    const cursor = this.#cursor
    cursor.open(request)
    const source: Source = { cursor, omitted: noOmissions(), metadata }
    try {
      switch (signal) {
        case 'logs':
          return this.#logs(source, request.length)
        case 'metrics':
          return this.#metrics(source, request.length)
        case 'traces':
          return this.#traces(source, request.length)
      }
    } catch (error) {
      if (error instanceof WireError) return { reason: error.message, offset: error.offset }
      throw error
    } finally {
      cursor.open(nothing) // the request's memory is not held
    }
  }

  #logs(source: Source, end: number): Decoded {
    const events: RawEvent[] = []
    this.#read(source, end, 'LogsRequest', (to, resource) => events.push(readLogRecord(source, to, resource)))
    return { batch: { events, metrics: [], spans: [] }, rejected: 0, omitted: source.omitted }
  }

  #metrics(source: Source, end: number): Decoded {
    const read: ReadMetrics = { metrics: [], rejectedPoints: 0 }
    this.#read(source, end, 'MetricsRequest', (to, resource) => readMetric(source, to, resource, read))
    const batch = { events: [], metrics: read.metrics, spans: [] }
    return { batch, rejected: read.rejectedPoints, omitted: source.omitted }
  }

  #traces(source: Source, end: number): Decoded {
    const spans: Span[] = []
    let rejected = 0
    this.#read(source, end, 'TracesRequest', (to, resource) => {
      const span = readSpan(source, to, resource)
      if (span === undefined) rejected++
      else spans.push(span)
    })
    return { batch: { events: [], metrics: [], spans }, rejected, omitted: source.omitted }
  }

  #read(source: Source, end: number, root: Container, each: (end: number, resource: Resource) => void): void {
    readContainers(source, end, root, this.#origins, (to, resource) => {
      source.cursor.countPart()
      each(to, resource)
      source.cursor.at = to
    })
  }
}

const nothing = new Uint8Array()
