import type { IncomingMessage } from 'node:http'
import { type Chunks, gzipped, isWorthGzip } from '../../util/chunks.js'
import type { Clock } from '../../util/clock.js'
import { reasonOf, type SocketOptions } from '../sockets/socket.js'
import { ConnectionPool } from './connection-pool.js'

export interface HttpClientOptions extends Omit<SocketOptions, 'protocol'> {
  /** `host:port`, as the Host of each request. */
  readonly authority: string
  /** Sent with each request, beside the client's own, which they do not replace; asked for at each. */
  headers(): Readonly<Record<string, string>>
  readonly userAgent: string
  /** Whether bodies of 8 KiB and more are compressed. */
  readonly gzip: boolean
  /** From asking to the whole answer, connecting included. */
  readonly timeoutMs: number
  /** Of a longer answer the rest is not read. */
  readonly maxAnswerBytes: number
  /** Connections at once, and kept for the next requests. */
  readonly maxSockets: number
  readonly clock: Clock
}

/** How a request ended. Nothing is thrown, followed (redirects) or repeated. */
export type HttpResult =
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly headers: IncomingMessage['headers']
      readonly body: Buffer
      /** There was more of the body than the limit; `body` holds the beginning. */
      readonly tooLong: boolean
      /** All of the request has left this process: its memory may be used for something else. */
      readonly sent: boolean
    }
  /** No whole answer: nobody there, no answer in time, given up, or a connection that was cut. */
  | { readonly kind: 'none'; readonly why: 'unavailable' | 'timeout' | 'cancelled'; readonly details: string }

/** A client of HTTP/1.1 that POSTs to one server, over connections it keeps. */
export class HttpClient {
  readonly #options: HttpClientOptions
  readonly #pool: ConnectionPool

  constructor(options: HttpClientOptions) {
    const { address, tls, proxy, maxSockets, timeoutMs: limitMs, clock } = options
    this.#options = options
    const socket = { address, tls, proxy, protocol: 'http/1.1' } as const
    this.#pool = new ConnectionPool({ socket, maxSockets, limitMs, clock })
  }

  async post(
    path: string,
    body: Chunks,
    contentType: string,
    signal: AbortSignal,
    more: Readonly<Record<string, string>> = {},
  ): Promise<HttpResult> {
    if (signal.aborted) return givenUp
    const { clock, timeoutMs } = this.#options
    const life = new AbortController()
    let ended: HttpResult | undefined
    const end = (result: HttpResult): void => {
      ended ??= result
      life.abort()
    }
    const details = `no answer in ${timeoutMs} ms`
    const timer = clock.after(timeoutMs, () => end({ kind: 'none', why: 'timeout', details }))
    const abort = (): void => end(givenUp)
    signal.addEventListener('abort', abort)
    try {
      const result = await this.#post(path, body, contentType, life.signal, more)
      return ended ?? result
    } catch (error) {
      return ended ?? { kind: 'none', why: 'unavailable', details: reasonOf(error as Error) }
    } finally {
      timer.cancel()
      signal.removeEventListener('abort', abort)
    }
  }

  /** Ends all connections. */
  close(): void {
    this.#pool.close()
  }

  async #post(
    path: string,
    body: Chunks,
    contentType: string,
    signal: AbortSignal,
    more: Readonly<Record<string, string>>,
  ): Promise<HttpResult> {
    const { gzip, headers: own, authority, userAgent, maxAnswerBytes } = this.#options
    const compressed = gzip && isWorthGzip(body)
    const pieces = compressed ? [await gzipped(body)] : body
    const request = await this.#pool.request({
      method: 'POST',
      path,
      headers: {
        ...more,
        ...own(),
        host: authority,
        'user-agent': userAgent,
        'content-type': contentType,
        'content-length': pieces.reduce((sum, { byteLength }) => sum + byteLength, 0),
        ...(compressed ? { 'content-encoding': 'gzip' } : {}),
      },
      signal,
    })
    return new Promise((resolve, reject) => {
      request.once('response', (response) => {
        readAnswer(response, maxAnswerBytes).then(({ body: answer, tooLong }) => {
          const { statusCode: status = 0, headers } = response
          resolve({ kind: 'answer', status, headers, body: answer, tooLong, sent: request.writableFinished })
          // A server that answers early need not take all that is being sent, and of a long answer nothing more is wanted.
          if (tooLong || !request.writableFinished) request.destroy()
        }, reject)
      })
      request.on('error', reject)
      request.cork() // one write of all; `end` uncorks
      for (const piece of pieces) request.write(piece)
      request.end()
    })
  }
}

const givenUp: HttpResult = { kind: 'none', why: 'cancelled', details: 'given up' }

/** The beginning of a body. Rejects when it ends before its end: what it says of itself is not to be trusted then. */
function readAnswer(response: IncomingMessage, maxBytes: number): Promise<{ body: Buffer; tooLong: boolean }> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    response
      .on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        bytes += chunk.length
        if (bytes > maxBytes) resolve({ body: Buffer.concat(chunks).subarray(0, maxBytes), tooLong: true })
      })
      .once('end', () => resolve({ body: Buffer.concat(chunks), tooLong: false }))
      .once('error', reject)
      .once('close', () => reject(new Error('the connection was closed in the middle of the answer')))
  })
}
