import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Signal } from '../../data/batch.js'
import { jsonToProtobuf } from '../../lib/otlp/json-request.js'
import { writePartialSuccess, writeStatus } from '../../lib/otlp/write-response.js'
import type { TlsOptions } from '../../lib/tls/tls-files.js'
import { Body } from '../../util/body.js'
import type { ByteBudget } from '../../util/byte-budget.js'
import { Places } from '../../util/places.js'
import type { MetadataOf } from './access.js'
import type { Intake, Verdict } from './intake.js'

export interface HttpOptions {
  readonly host: string
  readonly port: number
  readonly tls?: (TlsOptions & { readonly requestCert?: boolean; readonly rejectUnauthorized?: boolean }) | undefined
  readonly intake: Intake
  readonly allows: (headers: IncomingMessage['headers']) => boolean
  readonly metadataOf: MetadataOf
  readonly maxRequestBytes: number
  readonly budget: ByteBudget
  readonly maxConnections: number
  readonly onRefusal: () => void
  readonly onConnectionRefused: () => void
  readonly onFailure: (error: unknown) => void
  /** For a request's header, and between requests of one connection; 10 s unless said otherwise. */
  readonly headersMs?: number
  /** How long a request may say nothing until it is there whole; 15 s unless said otherwise. */
  readonly silenceMs?: number
}

const kMaxHeaderBytes = 16 * 1024
const kHeadersMs = 10_000
/** As for gRPC: silence within a request, and all of one. */
const kSilenceMs = 15_000
const kRequestMs = 120_000

const paths: Readonly<Record<string, Signal>> = { '/v1/logs': 'logs', '/v1/metrics': 'metrics', '/v1/traces': 'traces' }
type Encoding = 'protobuf' | 'json'
const types: Readonly<Record<Encoding, string>> = { protobuf: 'application/x-protobuf', json: 'application/json' }

/** Numbers of google.rpc.Code that answers carry besides HTTP's own. */
const codes: Readonly<Record<number, number>> = { 400: 3, 401: 16, 413: 8, 415: 3, 503: 14 }

/** OTLP over HTTP: `POST /v1/{logs,metrics,traces}` with protobuf or JSON, answered when the pipeline has answered. */
export class HttpEndpoint {
  readonly #options: HttpOptions
  readonly #places: Places<Socket>
  /** By the other end: of TLS a request names another socket than was accepted. */
  readonly #byPeer = new Map<string, Socket>()
  /** That have not come whole. */
  readonly #reading = new Set<IncomingMessage>()
  readonly #running = new Set<Promise<void>>()
  #server: Server | undefined
  #stopping = false

  private constructor(options: HttpOptions) {
    this.#options = options
    this.#places = new Places(options.maxConnections, (socket) => {
      options.onConnectionRefused()
      socket.destroy()
    })
  }

  /** @throws Error of node:net when the address is taken or not this machine's */
  static async listen(options: HttpOptions): Promise<HttpEndpoint> {
    const endpoint = new HttpEndpoint(options)
    await endpoint.#listen()
    return endpoint
  }

  get address(): AddressInfo | undefined {
    return (this.#server?.address() ?? undefined) as AddressInfo | undefined
  }

  get connections(): number {
    return this.#places.size
  }

  /** For connections to come. */
  setTls(tls: TlsOptions): void {
    const server = this.#server as (Server & { setSecureContext?(options: TlsOptions): void }) | undefined
    server?.setSecureContext?.(tls)
  }

  /** Takes no more requests, lets those that have come whole be answered, and ends every connection. */
  async close(): Promise<void> {
    this.#stopping = true
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    server.closeIdleConnections()
    // A server that closes looks at no time limits any more: who sends a byte now and then would be waited for without end.
    for (const request of this.#reading) if (!request.complete) request.destroy()
    await Promise.allSettled(this.#running)
    server.closeAllConnections()
    for (const socket of this.#byPeer.values()) socket.destroy() // of whom node:https knows nothing before the handshake
    await closed
  }

  async #listen(): Promise<void> {
    const { host, port, tls, headersMs = kHeadersMs, silenceMs = kSilenceMs } = this.#options
    const limits = {
      maxHeaderSize: kMaxHeaderBytes,
      headersTimeout: headersMs,
      requestTimeout: kRequestMs,
      keepAliveTimeout: headersMs,
      connectionsCheckingInterval: Math.min(headersMs, 1000),
    }
    const server =
      tls === undefined ? createServer(limits) : (await import('node:https')).createServer({ ...limits, ...tls })
    server.setTimeout(silenceMs)
    server.on('connection', (socket: Socket) => this.#connected(socket))
    server.on('request', (request, response) => this.#requested(request, response))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port }, () => {
        server.removeListener('error', reject)
        server.on('error', () => {}) // of single accepts (EMFILE): the server goes on
        resolve()
      })
    })
    this.#server = server
  }

  #connected(socket: Socket): void {
    socket.on('error', () => {})
    if (!this.#places.enter(socket)) {
      this.#options.onConnectionRefused()
      if (this.#options.tls === undefined)
        socket.end(
          'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
        )
      socket.destroySoon()
      return
    }
    const peer = peerOf(socket)
    this.#byPeer.set(peer, socket)
    socket.once('close', () => {
      this.#places.leave(socket)
      if (this.#byPeer.get(peer) === socket) this.#byPeer.delete(peer)
    })
  }

  #requested(request: IncomingMessage, response: ServerResponse): void {
    const socket = this.#byPeer.get(peerOf(request.socket))
    if (socket === undefined) return void request.socket.destroy() // it found no place
    this.#places.begun(socket)
    response.once('close', () => this.#places.ended(socket))
    const running = this.#answer(request, response)
      .catch((error: unknown) => {
        this.#options.onFailure(error)
        if (response.headersSent) response.destroy()
        else this.#refuse(response, 'protobuf', 500, 'a bug; see the log of the server')
      })
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const encoding = encodingOf(request)
    const refuse = (status: number, reason: string, headers: OutgoingHttpHeaders = {}): void =>
      this.#refuse(response, encoding ?? 'json', status, reason, headers)
    const signal = Object.hasOwn(paths, request.url ?? '') ? paths[request.url!] : undefined
    if (this.#stopping) return void refuse(503, 'the server ends', { 'Retry-After': 1 })
    if (signal === undefined) return void refuse(404, 'not found; there are /v1/logs, /v1/metrics and /v1/traces')
    if (request.method !== 'POST') return void refuse(405, 'only POST', { Allow: 'POST' })
    if (!this.#options.allows(request.headers))
      return void refuse(401, 'no valid token', { 'WWW-Authenticate': 'Bearer' })
    if (encoding === undefined)
      return void refuse(415, `the Content-Type is neither ${types.protobuf} nor ${types.json}`)
    const compression = request.headers['content-encoding'] ?? 'identity'
    if (compression !== 'gzip' && compression !== 'identity')
      return void refuse(415, 'the Content-Encoding is not gzip')
    const metadata = this.#options.metadataOf(request.headers)
    if (typeof metadata === 'string') return void refuse(400, metadata)
    const body = new Body(this.#options.maxRequestBytes, this.#options.budget)
    try {
      this.#reading.add(request)
      const bytes = await read(request, body, compression === 'gzip').finally(() => this.#reading.delete(request))
      if (bytes === undefined) return // nobody waits any more
      request.socket.setTimeout(0) // now it is we who say nothing, for as long as the pipeline takes
      if (typeof bytes === 'string') {
        if (bytes === 'too_large')
          return void refuse(413, `a request of more than ${this.#options.maxRequestBytes} bytes`)
        if (bytes === 'not_gzip') return void refuse(400, 'the body is not what gzip makes')
        return void refuse(503, 'too many requests are held; try again', { 'Retry-After': 1 })
      }
      const message = encoding === 'json' ? jsonToProtobuf(signal, bytes.toString('utf8')) : bytes
      const verdict =
        'reason' in message
          ? this.#options.intake.malformed(signal, message)
          : await this.#options.intake.take(signal, message, metadata)
      this.#say(response, encoding, signal, verdict)
    } finally {
      body.release()
    }
  }

  #say(response: ServerResponse, encoding: Encoding, signal: Signal, verdict: Verdict): void {
    if (verdict.kind === 'refused') return void this.#refuse(response, encoding, 400, verdict.reason)
    if (verdict.kind === 'later') {
      const seconds = Math.max(Math.ceil(verdict.afterMs / 1000), 1)
      return void this.#refuse(response, encoding, 503, verdict.reason, { 'Retry-After': seconds })
    }
    const { rejected, message } = verdict
    const content =
      encoding === 'json' ? partialJson(signal, rejected, message) : writePartialSuccess(rejected, message)
    send(response, 200, encoding, content)
  }

  #refuse(
    response: ServerResponse,
    encoding: Encoding,
    status: number,
    reason: string,
    headers: OutgoingHttpHeaders = {},
  ): void {
    this.#options.onRefusal()
    const code = codes[status] ?? 2
    const content = encoding === 'json' ? JSON.stringify({ code, message: reason }) : writeStatus(code, reason)
    // The rest of the request is not read: its framing may be what is wrong.
    const isRead = response.req.complete
    send(response, status, encoding, content, { ...headers, ...(isRead ? {} : { Connection: 'close' }) })
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

function encodingOf(request: IncomingMessage): Encoding | undefined {
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase()
  return type === types.protobuf ? 'protobuf' : type === types.json ? 'json' : undefined
}

async function read(request: IncomingMessage, body: Body, zipped: boolean) {
  const trouble = await new Promise<'too_large' | 'no_room' | 'gone' | undefined>((resolve) => {
    request
      .on('data', (chunk: Buffer) => {
        const refused = body.push(chunk)
        if (refused === undefined) return
        request.pause()
        resolve(refused)
      })
      .once('end', () => resolve(undefined))
      .once('close', () => resolve('gone'))
      .once('error', () => resolve('gone'))
  })
  if (trouble === 'gone') return undefined
  if (trouble !== undefined) return trouble
  const bytes = body.whole()
  return zipped ? body.inflated(bytes) : bytes
}

function send(
  response: ServerResponse,
  status: number,
  encoding: Encoding,
  content: string | Uint8Array,
  headers: OutgoingHttpHeaders = {},
): void {
  if (response.destroyed) return
  response.writeHead(status, {
    'Content-Type': types[encoding],
    'Content-Length': Buffer.byteLength(content),
    'X-Content-Type-Options': 'nosniff',
    ...headers,
  })
  response.end(content)
}

const rejectedNames: Readonly<Record<Signal, string>> = {
  logs: 'rejectedLogRecords',
  metrics: 'rejectedDataPoints',
  traces: 'rejectedSpans',
}

function partialJson(signal: Signal, rejected: number, errorMessage: string): string {
  if (rejected === 0 && errorMessage === '') return '{}'
  return JSON.stringify({ partialSuccess: { [rejectedNames[signal]]: String(rejected), errorMessage } })
}
