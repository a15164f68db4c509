import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { Body, type NoRoom } from '../../util/body.js'
import type { ByteBudget } from '../../util/byte-budget.js'
import { type StatusName, statusNames } from './status.js'

/** What a method answers: a message with OK, or why not. */
export type Reply =
  | { readonly name: 'OK'; readonly message: Uint8Array }
  | {
      readonly name: Exclude<StatusName, 'OK'>
      readonly details: string
      /** google.rpc.Status, encoded. */
      readonly statusDetails?: Uint8Array
    }

export type Method = (message: Uint8Array, headers: IncomingHttpHeaders) => Promise<Reply>

export interface CallLimits {
  /** Of one message, before and after inflating. */
  readonly maxMessageBytes: number
  readonly budget: ByteBudget
}

const kPrefixBytes = 5
/** Why a text of ours is cut: it goes into a header. */
const kMaxDetails = 400
const kNoError = 0

/** One unary call as a server sees it: its message, then the method's reply. It ends with the stream, however that ends. */
export class ServerCall {
  /** When bytes of it came last, and when it began; both of a monotonic clock. */
  heardMs: number
  readonly begunMs: number
  readonly #stream: ServerHttp2Stream
  readonly #headers: IncomingHttpHeaders
  readonly #method: Method
  readonly #limits: CallLimits
  readonly #body: Body
  readonly #nowMs: () => number
  /** Of the message, from its prefix on. */
  #announced: number | undefined
  #prefix: Buffer = Buffer.alloc(0)
  #settled = false

  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    method: Method,
    limits: CallLimits,
    nowMs: () => number,
  ) {
    this.#stream = stream
    this.#headers = headers
    this.#method = method
    this.#limits = limits
    this.#nowMs = nowMs
    this.#body = new Body(limits.maxMessageBytes + kPrefixBytes, limits.budget)
    this.begunMs = this.heardMs = nowMs()
  }

  /**
   * @param onRead - the whole request is there, or will never be
   * @returns how it ended: with a reply, or `undefined` when nobody waits for one any more
   */
  async run(onRead: () => void): Promise<Reply | undefined> {
    try {
      const read = await this.#read()
      onRead()
      if (read === undefined) return undefined
      const reply = read instanceof Uint8Array ? await this.#method(read, this.#headers) : read
      this.#answer(reply)
      return reply
    } finally {
      onRead()
      this.#body.release()
    }
  }

  /** Nothing has come for too long. */
  giveUp(details: string): void {
    this.#settle?.({ name: 'DEADLINE_EXCEEDED', details })
  }

  #settle: ((read: Buffer | Reply | undefined) => void) | undefined

  async #read(): Promise<Buffer | Reply | undefined> {
    const full = this.#body.open() // a connection may have many that only begin
    if (full !== undefined) return this.#noRoom(full)
    const stream = this.#stream
    const read = await new Promise<Buffer | Reply | undefined>((resolve) => {
      this.#settle = (value) => {
        if (this.#settled) return
        this.#settled = true
        resolve(value)
      }
      stream
        .on('data', (chunk: Buffer) => {
          if (this.#settled) return
          this.heardMs = this.#nowMs()
          const trouble = this.#push(chunk)
          if (trouble !== undefined) this.#settle?.(trouble)
        })
        .once('end', () => this.#settle?.(this.#whole()))
        .once('close', () => this.#settle?.(undefined))
    })
    if (!(read instanceof Uint8Array) || read[0] === 0)
      return read instanceof Uint8Array ? read.subarray(kPrefixBytes) : read
    const inflated = await this.#body.inflated(read.subarray(kPrefixBytes))
    if (typeof inflated !== 'string') return inflated
    return inflated === 'not_gzip' ? invalid('the message is not what gzip makes') : this.#noRoom(inflated)
  }

  #push(chunk: Buffer): Reply | undefined {
    const refused = this.#body.push(chunk)
    if (refused !== undefined) return this.#noRoom(refused)
    if (this.#announced === undefined) {
      this.#prefix = this.#prefix.length === 0 ? chunk : Buffer.concat([this.#prefix, chunk])
      if (this.#prefix.length < kPrefixBytes) return undefined
      this.#announced = this.#prefix.readUInt32BE(1)
      const compressed = this.#prefix[0]
      this.#prefix = Buffer.alloc(0)
      if (compressed === 1 && this.#headers['grpc-encoding'] !== 'gzip')
        return { name: 'UNIMPLEMENTED', details: 'messages may be compressed with gzip only' }
      if (compressed !== 0 && compressed !== 1) return invalid(`compressed flag ${compressed}`)
    }
    if (this.#announced > this.#limits.maxMessageBytes) return this.#noRoom('too_large')
    if (this.#body.length > this.#announced + kPrefixBytes) return invalid('more than one message')
    return undefined
  }

  #whole(): Buffer | Reply {
    const wanted = (this.#announced ?? 0) + kPrefixBytes
    if (this.#body.length !== wanted) return invalid(`the request ends after ${this.#body.length} of ${wanted} bytes`)
    return this.#body.whole()
  }

  /** Without RetryInfo the first is final, and UNAVAILABLE may be tried again (OTLP specification, "Failures"). */
  #noRoom(reason: NoRoom): Reply {
    return reason === 'too_large'
      ? { name: 'RESOURCE_EXHAUSTED', details: `a message of more than ${this.#limits.maxMessageBytes} bytes` }
      : { name: 'UNAVAILABLE', details: 'too many requests are held; try again' }
  }

  #answer(reply: Reply): void {
    answer(this.#stream, reply)
  }
}

function invalid(details: string): Reply {
  return { name: 'INVALID_ARGUMENT', details }
}

/** Sends the reply of a call, unless nobody waits for it any more. */
export function answer(stream: ServerHttp2Stream, reply: Reply): void {
  if (stream.destroyed || stream.closed) return
  if (reply.name === 'OK') {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    const frame = Buffer.alloc(kPrefixBytes + reply.message.length)
    frame.writeUInt32BE(reply.message.length, 1)
    frame.set(reply.message, kPrefixBytes)
    stream.end(frame)
    return
  }
  const { name, details, statusDetails } = reply
  const status = {
    ':status': 200,
    'content-type': 'application/grpc',
    'grpc-status': String(statusNames.indexOf(name)),
    'grpc-message': escaped(details.slice(0, kMaxDetails)),
    ...(statusDetails === undefined
      ? {}
      : { 'grpc-status-details-bin': Buffer.from(statusDetails).toString('base64').replace(/=+$/, '') }),
  }
  stream.respond(status, { endStream: true })
  // The rest of the request is not wanted (RFC 9113, section 8.1).
  if (!stream.readableEnded) stream.close(kNoError)
}

/** Percent-encoding of grpc-message: of all but printable ASCII, and of the sign itself (PROTOCOL-HTTP2.md, "Responses"). */
function escaped(text: string): string {
  return text.replace(/[^ -$&-~]+/g, (part) =>
    Array.from(Buffer.from(part, 'utf8'), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  )
}

/** Ends a stream that is no call. */
export function refuseStream(stream: ServerHttp2Stream, status: number): void {
  if (stream.destroyed || stream.closed) return
  stream.respond({ ':status': status }, { endStream: true })
  if (!stream.readableEnded) stream.close(kNoError)
}
