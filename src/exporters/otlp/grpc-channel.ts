import { readFile } from 'node:fs/promises'
import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  credentials,
  InterceptingCall,
  type InterceptorOptions,
  Metadata,
  type NextCall,
  type ServiceError,
} from '@grpc/grpc-js'
import type { Settings } from '../../component/component.js'
import type { Signal } from '../../data/batch.js'
import type { SendResult } from '../../lib/delivery/sender.js'
import type { EncodedRequest } from '../../lib/otlp/encode.js'
import { readPartialSuccess } from '../../lib/otlp/response.js'
import { agentScope } from '../../lib/otlp/scope.js'
import { parseTarget, type Target } from '../../lib/otlp/target.js'
import type { Clock } from '../../util/clock.js'
import type { Config } from './config.js'
import { sendResultOf, tellable } from './grpc-status.js'

/** Full method names of opentelemetry-proto's collector services. */
const methods: Readonly<Record<Signal, string>> = {
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
}

/** GRPC_COMPRESS_GZIP of grpc's compression algorithms. */
const kGzip = 2
/** GRPC_WRITE_NO_COMPRESS: this message goes as it is, though the channel compresses (grpc's PROTOCOL-HTTP2, Compressed-Flag). */
const kNoCompress = 2
/** A compressor is 256 KiB of memory made for one request, some 0.5 ms: below this that is more than it saves. */
const kMinGzipBytes = 8 * 1024
/** Export answers are a few bytes; a server that sends more is not one. */
const kMaxResponseBytes = 64 * 1024

/** One HTTP/2 connection to an OTLP server; connects by itself and again. */
export interface GrpcChannel {
  export(request: EncodedRequest, signal: AbortSignal): Promise<SendResult>
  close(): void
}

/**
 * Reads the TLS files and makes the channel; connecting is left to the first request.
 *
 * @throws Error when a TLS file cannot be read or is not PEM: it never could work
 */
export async function openGrpcChannel(config: Config, settings: Pick<Settings, 'clock'>): Promise<GrpcChannel> {
  const target = parseTarget(config.endpoint)
  if ('reason' in target) throw new Error(`endpoint ${target.reason}`)
  const client = new Client(target.address, await credentialsOf(config, target), channelOptions(config, target))
  return new OtlpGrpcChannel(client, config, settings.clock)
}

class OtlpGrpcChannel implements GrpcChannel {
  readonly #client: Client
  readonly #metadata = new Metadata()
  readonly #secrets: readonly string[]
  readonly #timeoutMs: number
  readonly #clock: Clock

  constructor(client: Client, config: Config, clock: Clock) {
    this.#client = client
    for (const [name, value] of Object.entries(config.headers)) this.#metadata.set(name, value)
    this.#secrets = Object.values(config.headers)
    this.#timeoutMs = config.timeout
    this.#clock = clock
  }

  export(request: EncodedRequest, signal: AbortSignal): Promise<SendResult> {
    return new Promise((resolve) => {
      let timedOut = false
      const call = this.#client.makeUnaryRequest(
        methods[request.signal],
        identity,
        identity,
        Buffer.from(request.bytes.buffer, request.bytes.byteOffset, request.bytes.byteLength),
        this.#metadata,
        // Tells the server, too; the agent's own clock below is what ends the try.
        {
          deadline: Date.now() + this.#timeoutMs,
          ...(request.bytes.byteLength < kMinGzipBytes ? { interceptors: [uncompressed] } : {}),
        },
        (error: ServiceError | null, response?: Buffer) => {
          timer.cancel()
          signal.removeEventListener('abort', cancel)
          if (timedOut) resolve({ kind: 'retryable', reason: `DEADLINE_EXCEEDED: no answer in ${this.#timeoutMs} ms` })
          else resolve(error === null ? delivered(response, this.#secrets) : sendResultOf(error, this.#secrets))
        },
      )
      const cancel = (): void => call.cancel()
      const timer = this.#clock.after(this.#timeoutMs, () => {
        timedOut = true
        call.cancel()
      })
      if (signal.aborted) cancel()
      else signal.addEventListener('abort', cancel, { once: true })
    })
  }

  close(): void {
    this.#client.close()
  }
}

class UncompressedCall extends InterceptingCall {
  override sendMessage(message: unknown): void {
    this.sendMessageWithContext({ flags: kNoCompress }, message)
  }
}

function uncompressed(options: InterceptorOptions, nextCall: NextCall): InterceptingCall {
  return new UncompressedCall(nextCall(options))
}

function delivered(response: Buffer | undefined, secrets: readonly string[]): SendResult {
  const partial = response && readPartialSuccess(response, (text) => tellable(text, secrets))
  return partial === undefined ? { kind: 'delivered' } : { kind: 'delivered', ...partial }
}

function identity(bytes: Buffer): Buffer {
  return bytes
}

async function credentialsOf(config: Config, target: Target): Promise<ChannelCredentials> {
  const useTls =
    target.tls === 'required' || (config.tls.insecure === undefined ? target.tls === 'default' : !config.tls.insecure)
  if (!useTls) return credentials.createInsecure()
  const [ca, key, cert] = await Promise.all([
    readPem('ca_file', config.tls.ca_file),
    readPem('key_file', config.tls.key_file),
    readPem('cert_file', config.tls.cert_file),
  ])
  return credentials.createSsl(ca, key, cert)
}

async function readPem(key: string, path: string | undefined): Promise<Buffer | null> {
  if (path === undefined) return null
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`tls.${key} ${path} cannot be read: ${error.code ?? error.message}`)
  })
  if (!bytes.includes('-----BEGIN ')) throw new Error(`tls.${key} ${path} is not a PEM file`)
  return bytes
}

function channelOptions(config: Config, target: Target): ChannelOptions {
  return {
    'grpc.primary_user_agent': `${agentScope().name}/${agentScope().version}`,
    'grpc.max_receive_message_length': kMaxResponseBytes,
    // Retrying is ours: it must see each failure to count it.
    'grpc.enable_retries': 0,
    'grpc.service_config_disable_resolution': 1,
    // Without it a peer that vanished (no RST) would hold the connection until the kernel gives up, 15 minutes.
    'grpc.keepalive_time_ms': 60_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.initial_reconnect_backoff_ms': 500,
    'grpc.max_reconnect_backoff_ms': 10_000,
    ...(target.local ? { 'grpc.enable_http_proxy': 0 } : {}),
    ...(config.compression === 'gzip' ? { 'grpc.default_compression_algorithm': kGzip } : {}),
    ...(config.tls.server_name === undefined ? {} : { 'grpc.ssl_target_name_override': config.tls.server_name }),
  }
}
