import type { OutgoingHttpHeaders } from 'node:http2'
import { type Chunks, isWorthGzip } from '../../util/chunks.js'
import type { Clock } from '../../util/clock.js'
import type { SocketOptions } from '../sockets/socket.js'
import { type Answer, UnaryCall } from './call.js'
import { Connection } from './connection.js'
import { framed } from './message.js'
import type { GrpcStatus } from './status.js'

export interface GrpcClientOptions extends Omit<SocketOptions, 'protocol'> {
  /** `host:port`, as the `:authority` of each request. */
  readonly authority: string
  /** Sent with each request, beside the client's own, which they do not replace; asked for at each. */
  headers(): Readonly<Record<string, string>>
  readonly userAgent: string
  /** Whether messages of 8 KiB and more are compressed. */
  readonly gzip: boolean
  /** From asking to the whole answer, connecting included. */
  readonly timeoutMs: number
  /** An answer that is larger is none. */
  readonly maxAnswerBytes: number
  readonly clock: Clock
}

/** MIN_CONNECT_TIMEOUT of grpc/doc/connection-backoff.md: a slow handshake may outlast a call, and serve the next. */
const kMinConnectMs = 20_000

/** A client of unary gRPC calls (grpc/doc/PROTOCOL-HTTP2.md) to one server, over one connection. It never repeats a call. */
export class GrpcClient {
  readonly #options: GrpcClientOptions
  readonly #connection: Connection
  readonly #headers: OutgoingHttpHeaders

  constructor(options: GrpcClientOptions) {
    const { address, tls, proxy, timeoutMs, clock } = options
    const limitMs = Math.max(timeoutMs, kMinConnectMs)
    this.#options = options
    this.#connection = new Connection({ socket: { address, tls, proxy }, limitMs, clock })
    this.#headers = {
      ':method': 'POST',
      ':scheme': tls === undefined ? 'http' : 'https',
      ':authority': options.authority,
      te: 'trailers',
      'content-type': 'application/grpc',
      'user-agent': options.userAgent,
      ...(options.gzip ? { 'grpc-encoding': 'gzip' } : {}),
      'grpc-accept-encoding': 'identity,gzip',
    }
  }

  /**
   * Calls a method (`/package.Service/Method`) with one message, in pieces, for one message. Every failure is a status: no connection is
   * UNAVAILABLE, no answer in time DEADLINE_EXCEEDED; CANCELLED at once when `signal` aborts.
   */
  async unary(method: string, message: Chunks, signal: AbortSignal, more: Headers = {}): Promise<Answer> {
    if (signal.aborted) return { status: givenUp }
    const { clock, timeoutMs } = this.#options
    const deadlineMs = clock.monotonicMs() + timeoutMs
    let stop: (status: GrpcStatus) => void = () => {}
    const stopped = new Promise<Answer>((resolve) => {
      stop = (status) => resolve({ status })
    })
    const late = (): void => stop({ name: 'DEADLINE_EXCEEDED', details: `no answer in ${timeoutMs} ms` })
    const abort = (): void => stop(givenUp)
    const timer = clock.after(timeoutMs, late)
    signal.addEventListener('abort', abort)
    try {
      return await this.#call(method, message, deadlineMs, stopped, more)
    } finally {
      timer.cancel()
      signal.removeEventListener('abort', abort)
    }
  }

  /** Ends the connection. */
  close(): void {
    this.#connection.close()
  }

  async #call(
    method: string,
    message: Chunks,
    deadlineMs: number,
    stopped: Promise<Answer>,
    more: Headers,
  ): Promise<Answer> {
    const { gzip, clock, maxAnswerBytes, headers: own } = this.#options
    const framing = framed(message, gzip && isWorthGzip(message)).catch(unframed)
    const frame = await Promise.race([stopped, framing])
    if ('status' in frame) return frame
    const line = await Promise.race([stopped, this.#connection.line().catch(unavailable)])
    if ('status' in line) return line
    line.enter()
    try {
      const headers = {
        ...more,
        ...own(),
        ...this.#headers,
        ':path': method,
        'grpc-timeout': timeoutOf(deadlineMs - clock.monotonicMs()),
      }
      const heardBytes = line.heardBytes
      const call = new UnaryCall(line.session, headers, frame, maxAnswerBytes)
      const answer = await Promise.race([stopped, call.answer])
      call.cancel()
      // Through a whole call not a byte: whoever was there has vanished (a cable, a firewall that forgot the connection).
      if (answer.status.name === 'DEADLINE_EXCEEDED' && line.heardBytes === heardBytes) this.#connection.replace(line)
      return answer
    } catch (error) {
      return unavailable(error as Error) // it closed at this moment
    } finally {
      line.leave()
    }
  }
}

/** Beside those of all requests, which they do not replace. */
type Headers = Readonly<Record<string, string>>

const givenUp: GrpcStatus = { name: 'CANCELLED', details: 'given up' }

/** zlib had no memory: another try may have. */
function unframed(error: Error): Answer {
  return { status: { name: 'INTERNAL', details: `the request cannot be made: ${error.message}`, cut: true } }
}

function unavailable(error: Error): Answer {
  return { status: { name: 'UNAVAILABLE', details: `no connection: ${error.message}`, cut: true } }
}

/** At most eight digits and a unit (PROTOCOL-HTTP2.md, "Timeout"). Rounded up: a deadline of 0 would be over. */
function timeoutOf(leftMs: number): string {
  const ms = Math.max(Math.ceil(leftMs), 1)
  return ms < 1e8 ? `${ms}m` : `${Math.min(Math.ceil(ms / 1000), 99_999_999)}S`
}
