import type { ClientHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import type { Clock } from '../../util/clock.js'
import { openSocket, reasonOf, type SocketOptions } from '../sockets/socket.js'

/** Headers may hold 64 values of 8 KiB; node:http2 takes 64 KiB unless told otherwise. */
const kMaxHeaderBytes = 2 ** 20
/** MB for one connection: 64 requests of several MiB may be under way; node:http2's 10 would refuse the third. */
const kMaxSessionMegabytes = 512

export interface ConnectionOptions {
  readonly socket: Omit<SocketOptions, 'protocol'>
  /** What connecting may take until the server has said that it speaks HTTP/2. */
  readonly limitMs: number
  readonly clock: Clock
}

/**
 * One HTTP/2 connection to a server: made by the first call, kept, and made again for the next call after it was lost, or
 * after the server said that it goes away (GOAWAY). Calls that come while one is being made wait for that one.
 *
 * Nothing is waited for between two attempts: each is asked for by a call, and who repeats calls has a back-off.
 */
export class Connection {
  readonly #options: ConnectionOptions
  /** The newest line, as long as it takes calls. */
  #line: Promise<Line> | undefined
  /** What `#line` came to. */
  #made: Line | undefined
  /** Of each line from its first packet to its last, so also of those that went away or were replaced and still have calls. */
  readonly #lives = new Set<AbortController>()
  #closed = false

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  /** Rejects with the reason when there is no connection to be had. */
  line(): Promise<Line> {
    if (this.#closed) return Promise.reject(new Error('the client is closed'))
    if (this.#line !== undefined) return this.#line
    const line = this.#connect()
    const forget = (): void => {
      if (this.#line === line) this.#line = undefined
    }
    this.#line = line
    this.#made = undefined
    line.then((made) => {
      if (this.#line === line) this.#made = made
      made.session.once('goaway', forget).once('close', forget)
    }, forget)
    return line
  }

  /** No more calls for this one; it ends with the last of those it has. */
  replace(line: Line): void {
    // Of several calls that time out on it, the later ones find a newer line here, which is not theirs to judge.
    if (this.#made === line) this.#line = this.#made = undefined
    line.retire()
  }

  /** Ends it and those before it, and whatever runs on them. */
  close(): void {
    this.#closed = true
    for (const life of this.#lives) life.abort(new Error('the client is closed'))
  }

  async #connect(): Promise<Line> {
    const { limitMs, clock } = this.#options
    const life = new AbortController()
    this.#lives.add(life)
    const timer = clock.after(limitMs, () => life.abort(new Error(`not connected in ${limitMs} ms`)))
    try {
      const { connect } = await import('node:http2')
      life.signal.throwIfAborted()
      const socket = await openSocket({ ...this.#options.socket, protocol: 'h2' }, life.signal)
      socket.once('close', () => this.#lives.delete(life))
      life.signal.throwIfAborted()
      const session = connect('http://localhost', {
        createConnection: () => socket,
        settings: { enablePush: false },
        maxSendHeaderBlockLength: kMaxHeaderBytes,
        maxSessionMemory: kMaxSessionMegabytes,
      })
      await spokenTo(session)
      return new Line(session, socket)
    } catch (error) {
      life.abort(error) // what is left of it
      this.#lives.delete(life)
      throw error
    } finally {
      timer.cancel()
    }
  }
}

/** Until the server's SETTINGS are there: then it speaks HTTP/2, and says how many calls it takes at once. */
function spokenTo(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve, reject) => {
    session
      .once('remoteSettings', () => resolve())
      // Stays: what ends a connection later ends its calls, which tell it.
      .on('error', (error) => reject(new Error(reasonOf(error))))
      .once('close', () => reject(new Error('the server hung up: does only one side speak TLS?')))
  })
}

/** A connection that works. */
export class Line {
  readonly session: ClientHttp2Session
  readonly #socket: Socket
  #calls = 0
  #retired = false

  constructor(session: ClientHttp2Session, socket: Socket) {
    this.session = session
    this.#socket = socket
    session.unref()
  }

  /** Bytes received so far. */
  get heardBytes(): number {
    return this.#socket.bytesRead
  }

  /** A call keeps the process alive until it leaves; an idle connection does not. */
  enter(): void {
    if (this.#calls++ === 0) this.session.ref()
  }

  leave(): void {
    if (--this.#calls > 0) return
    if (this.#retired) this.#end()
    else this.session.unref()
  }

  retire(): void {
    this.#retired = true
    if (this.#calls === 0) this.#end()
  }

  /** Not in order: nobody listens there any more, and the kernel would try for a quarter of an hour to say goodbye. */
  #end(): void {
    this.session.destroy()
    this.#socket.destroy()
  }
}
