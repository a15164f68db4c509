import { Metadata, Server, ServerCredentials, type ServiceDefinition, type sendUnaryData } from '@grpc/grpc-js'
import type { Signal } from '../../../src/data/batch.js'
import { type Complete, completeRecords, sortedRecords } from './complete.js'
import { type Decoded, decodeRequest, encodeMessage } from './decode.js'

/** What the sink does with one request. It is recorded in every case but `refuse`. */
export type Answer =
  | { readonly kind: 'ok' }
  | { readonly kind: 'partial'; readonly rejected: number; readonly message?: string }
  /** Not taken: a gRPC status, with RetryInfo when `retryDelayMs` is given. */
  | { readonly kind: 'refuse'; readonly code: number; readonly details?: string; readonly retryDelayMs?: number }
  /** Taken, but never answered. */
  | { readonly kind: 'hang' }
  /** Taken, then the connection is cut before the reply. */
  | { readonly kind: 'lose_reply' }

export interface Received {
  readonly signal: Signal
  /** As they arrived, decompressed. */
  readonly bytes: Uint8Array
  readonly message: Decoded
  readonly headers: Readonly<Record<string, unknown>>
}

export interface OtlpSink {
  /** `127.0.0.1:port`. */
  readonly address: string
  readonly received: readonly Received[]
  /** All requests seen, refused ones too. */
  readonly tries: number
  /** Decides each answer; may wait. */
  respond: (request: Received, index: number) => Answer | Promise<Answer>
  logRecords(): readonly Decoded[]
  metrics(): readonly Decoded[]
  spans(): readonly Decoded[]
  /** All records of a signal with every field, sorted; for comparing with what was sent. */
  complete(signal: Signal): readonly Complete[]
  /** Resolves once the condition holds after a request; checked after each. */
  until(condition: () => boolean): Promise<void>
  close(): void
}

const services: Readonly<Record<Signal, string>> = {
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
}

/** A real gRPC server on loopback that speaks OTLP and does as told. */
export async function startOtlpSink(
  options: {
    tls?: { key: Buffer; cert: Buffer; ca?: Buffer }
    address?: string
    /** What is taken stays in `received`; otherwise only `respond` sees it: millions of records are gigabytes. */
    keep?: boolean
  } = {},
): Promise<OtlpSink> {
  const received: Received[] = []
  const waiting = new Set<() => void>()
  let tries = 0
  let address = ''
  const server = new Server({ 'grpc.max_receive_message_length': 64 * 2 ** 20 })

  const sink: OtlpSink = {
    get address() {
      return address
    },
    received,
    get tries() {
      return tries
    },
    respond: () => ({ kind: 'ok' }),
    logRecords: () => records('logs', 'resource_logs', 'scope_logs', 'log_records'),
    metrics: () => records('metrics', 'resource_metrics', 'scope_metrics', 'metrics'),
    spans: () => records('traces', 'resource_spans', 'scope_spans', 'spans'),
    complete: (signal) =>
      sortedRecords(
        received
          .filter((request) => request.signal === signal)
          .flatMap((request) => completeRecords(signal, request.bytes)),
      ),
    until: (condition) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!condition()) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
    close: () => server.forceShutdown(),
  }

  function records(signal: Signal, outer: string, middle: string, inner: string): readonly Decoded[] {
    return received
      .filter((request) => request.signal === signal)
      .flatMap((request) => request.message[outer])
      .flatMap((group: Decoded) =>
        group[middle].flatMap((scope: Decoded) =>
          scope[inner].map((record: Decoded) => ({ record, resource: group.resource, scope: scope.scope })),
        ),
      )
  }

  for (const signal of ['logs', 'metrics', 'traces'] as const) {
    const definition = {
      Export: {
        path: services[signal],
        requestStream: false,
        responseStream: false,
        requestSerialize: identity,
        requestDeserialize: identity,
        responseSerialize: identity,
        responseDeserialize: identity,
      },
    } satisfies ServiceDefinition
    server.addService(definition, {
      Export: async (call: { request: Buffer; metadata: Metadata }, callback: sendUnaryData<Buffer>) => {
        const bytes = call.request
        const request = { signal, bytes, message: decodeRequest(signal, bytes), headers: call.metadata.getMap() }
        const answer = await sink.respond(request, tries++)
        if (answer.kind !== 'refuse' && options.keep !== false) received.push(request)
        reply(answer, callback)
        for (const look of [...waiting]) look()
      },
    })
  }

  function reply(answer: Answer, callback: sendUnaryData<Buffer>): void {
    switch (answer.kind) {
      case 'ok':
        callback(null, Buffer.alloc(0))
        break
      case 'partial': {
        const partial = { rejected: answer.rejected, error_message: answer.message ?? '' }
        callback(null, Buffer.from(encodeMessage('ExportResponse', { partial_success: partial })))
        break
      }
      case 'refuse':
        callback({ code: answer.code, details: answer.details ?? 'as told', metadata: retryInfo(answer) })
        break
      case 'hang':
        break
      case 'lose_reply':
        server.drain(address, 0)
        break
    }
  }

  const tls = options.tls
  const credentials =
    tls === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(
          tls.ca ?? null,
          [{ private_key: tls.key, cert_chain: tls.cert }],
          tls.ca !== undefined,
        )
  const wanted = options.address ?? '127.0.0.1:0'
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(wanted, credentials, (error, bound) => (error === null ? resolve(bound) : reject(error)))
  })
  address = wanted.startsWith('unix:') ? wanted : `127.0.0.1:${port}`
  return sink
}

function retryInfo(answer: { code: number; retryDelayMs?: number }): Metadata {
  const metadata = new Metadata()
  if (answer.retryDelayMs === undefined) return metadata
  const delay = { seconds: Math.floor(answer.retryDelayMs / 1000), nanos: (answer.retryDelayMs % 1000) * 1e6 }
  const value = encodeMessage('RetryInfo', { retry_delay: delay })
  const details = [
    { type_url: 'type.googleapis.com/google.rpc.DebugInfo', value: new Uint8Array([10, 1, 120]) },
    { type_url: 'type.googleapis.com/google.rpc.RetryInfo', value },
  ]
  metadata.set('grpc-status-details-bin', Buffer.from(encodeMessage('RpcStatus', { code: answer.code, details })))
  return metadata
}

function identity(bytes: Buffer): Buffer {
  return bytes
}
