import { Client, type ClientOptions, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import type { Signal } from '../../src/data/batch.js'
import { methods } from '../../src/lib/otlp/methods.js'
import { decodeMessage, hexed } from './otlp-sink/decode.js'

/** What a client of OpenTelemetry's own gRPC library was answered. */
export interface Answered {
  /** gRPC's number; 0 is OK. */
  readonly code: number
  readonly details: string
  /** Of a partial success. */
  readonly rejected: number
  readonly message: string
  /** Of RetryInfo. */
  readonly retryAfterMs: number | undefined
}

const asIs = (bytes: Buffer): Buffer => bytes

/** OTLP over grpc-js, which OpenTelemetry's exporters for Node use. */
export class OtlpClient {
  readonly #client: Client

  constructor(port: number, options: ClientOptions = {}, secure = credentials.createInsecure()) {
    // A connection of its own: grpc-js shares them by address and options.
    this.#client = new Client(`127.0.0.1:${port}`, secure, { 'grpc.use_local_subchannel_pool': 1, ...options })
  }

  export(
    signal: Signal,
    request: Uint8Array,
    headers: Readonly<Record<string, string>> = {},
    timeoutMs = 20_000,
  ): Promise<Answered> {
    const metadata = new Metadata()
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value)
    return new Promise((resolve) => {
      const options = { deadline: Date.now() + timeoutMs }
      this.#client.makeUnaryRequest(
        methods[signal],
        asIs,
        asIs,
        Buffer.from(request),
        metadata,
        options,
        (error, answer) => resolve(error === null ? taken(answer!) : failed(error)),
      )
    })
  }

  close(): void {
    this.#client.close()
  }
}

function taken(answer: Buffer): Answered {
  const { partial_success: partial } = hexed(decodeMessage('ExportResponse', answer)) as {
    partial_success?: { rejected?: string; error_message?: string }
  }
  return {
    code: 0,
    details: '',
    rejected: Number(partial?.rejected ?? 0),
    message: partial?.error_message ?? '',
    retryAfterMs: undefined,
  }
}

function failed({ code, details, metadata }: ServiceError): Answered {
  const [status] = metadata.get('grpc-status-details-bin')
  return {
    code,
    details,
    rejected: 0,
    message: '',
    retryAfterMs: status === undefined ? undefined : retryOf(status as Buffer),
  }
}

function retryOf(status: Buffer): number | undefined {
  const [detail] = decodeMessage('RpcStatus', status).details ?? []
  if (detail === undefined) return undefined
  const { retry_delay: delay } = decodeMessage('RetryInfo', detail.value)
  return Number(delay?.seconds ?? 0) * 1000 + Number(delay?.nanos ?? 0) / 1e6
}
