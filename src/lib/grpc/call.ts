import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from 'node:http2'
import type { Chunks } from '../../util/chunks.js'
import { MessageReader } from './message.js'
import { type GrpcStatus, isGrpc, type ReceivedHeaders, statusOf, statusOfHttp, statusOfReset } from './status.js'

/** What a call came to; a message only with OK. */
export interface Answer {
  readonly status: GrpcStatus
  readonly message?: Uint8Array
  /** All of the request has left this process: its memory may be used for something else. */
  readonly sent?: boolean
}

/** RFC 9113, section 7: what a client says that wants no answer any more. */
const kCancel = 8

/** One unary call on a connection. */
export class UnaryCall {
  /** Settles once the server's side of the stream is over, however it ends; never rejects. */
  readonly answer: Promise<Answer>
  #resolve: (answer: Answer) => void = () => {}
  readonly #session: ClientHttp2Session
  readonly #stream: ClientHttp2Stream
  readonly #reader: MessageReader
  #headers: ReceivedHeaders | undefined
  #trailers: ReceivedHeaders | undefined
  #error: Error | undefined
  #settled = false

  /** @throws Error when the session takes no more calls */
  constructor(session: ClientHttp2Session, headers: OutgoingHttpHeaders, frame: Chunks, maxAnswerBytes: number) {
    this.#session = session
    this.#reader = new MessageReader(maxAnswerBytes)
    this.answer = new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.#stream = session
      .request(headers)
      .on('response', (received) => {
        this.#headers = received
      })
      .on('data', (chunk: Buffer) => this.#data(chunk))
      .on('trailers', (received) => {
        this.#trailers = received
      })
      .on('end', () => this.#ended())
      .on('error', (error) => {
        this.#error = error
      })
      .on('close', () => {
        if (!this.#settled) this.#settle(this.#statusOfCut())
      })
    this.#stream.cork() // one write of all; `end` uncorks
    for (const chunk of frame) this.#stream.write(chunk)
    this.#stream.end()
  }

  /** Tells the server that nobody waits any more, if somebody still did. */
  cancel(): void {
    if (!this.#settled) this.#stream.close(kCancel)
  }

  #data(chunk: Buffer): void {
    const headers = this.#headers ?? {}
    // A page of HTML: what it means is in the headers.
    const enough = isGrpc(headers) ? this.#reader.push(chunk) : (statusOf(headers) ?? statusOfHttp(headers))
    if (enough !== undefined) this.#giveUp(enough)
  }

  #giveUp(status: GrpcStatus): void {
    this.cancel()
    this.#settle(status)
  }

  #ended(): void {
    const headers = this.#headers
    if (headers === undefined) return // a reset; `close` follows, and says with what
    const said = statusOf(this.#trailers ?? {}) ?? statusOf(headers)
    if (said === undefined && (isGrpc(headers) || this.#stream.rstCode !== 0)) return // cut off; the same
    // A server that refuses early need not take all that is being sent.
    if (!this.#stream.writableFinished) this.cancel()
    this.#settle(said ?? statusOfHttp(headers))
  }

  #statusOfCut(): GrpcStatus {
    if (this.#session.destroyed) {
      const why = this.#error === undefined ? '' : `: ${this.#error.message}`
      return { name: 'UNAVAILABLE', details: `the connection was lost${why}`, cut: true }
    }
    return statusOfReset(this.#stream.rstCode ?? 0)
  }

  #settle(status: GrpcStatus): void {
    if (this.#settled) return
    this.#settled = true
    this.#resolve(status.name === 'OK' ? this.#withMessage(status) : { status })
  }

  #withMessage(status: GrpcStatus): Answer {
    const encoding = this.#headers?.['grpc-encoding']
    const message = this.#reader.finish(typeof encoding === 'string' ? encoding : '')
    return message instanceof Uint8Array
      ? { status, message, sent: this.#stream.writableFinished }
      : { status: message }
  }
}
