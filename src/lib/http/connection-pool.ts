import type { Agent, ClientRequest, RequestOptions } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '../../util/clock.js'
import { openSocket, type SocketOptions } from '../sockets/socket.js'

/** What node:http asks an agent for; its types do not have the second parameter. */
type Connector = (options: object, connected: (error: Error | null, socket?: Duplex) => void) => void

export interface ConnectionPoolOptions {
  readonly socket: SocketOptions
  readonly maxSockets: number
  /** What a proxy may take to let a connection through; what comes then is of the request, and ends with it. */
  readonly limitMs: number
  readonly clock: Clock
}

/** Connections to one server: made when a request needs one, kept, bounded in number. Those that idle hold no process. */
export class ConnectionPool {
  readonly #options: ConnectionPoolOptions
  /** Of each connection, from its first packet to its last. */
  readonly #lives = new Set<AbortController>()
  #agent: Promise<{ agent: Agent; request: typeof import('node:http').request }> | undefined
  #closed = false
  /** Requests that have a connection, or will in a moment: node:http does not count those being made. */
  #running = 0
  #waiting: (() => void)[] = []

  constructor(options: ConnectionPoolOptions) {
    this.#options = options
  }

  /** Begun, not ended. Waits while as many are under way as there may be connections; rejects when `signal` aborts meanwhile. */
  async request(options: RequestOptions & { readonly signal: AbortSignal }): Promise<ClientRequest> {
    this.#agent ??= this.#open()
    const { agent, request } = await this.#agent
    while (this.#running >= this.#options.maxSockets && !options.signal.aborted && !this.#closed)
      await this.#turn(options.signal)
    options.signal.throwIfAborted()
    if (this.#closed) throw new Error('the client is closed')
    const begun = request({ ...options, agent }) // throws where a header is none
    this.#running++
    return begun.once('close', () => {
      this.#running--
      this.#waiting.shift()?.()
    })
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', abort)
        resolve()
      }
      const abort = (): void => {
        this.#waiting = this.#waiting.filter((one) => one !== done)
        done()
      }
      this.#waiting.push(done)
      signal.addEventListener('abort', abort)
    })
  }

  close(): void {
    this.#closed = true
    for (const resume of this.#waiting.splice(0)) resume()
    for (const life of this.#lives) life.abort(new Error('the client is closed'))
  }

  async #open() {
    const { Agent, request } = await import('node:http')
    // The newest idle one first: those there were too many of are left for the server to close.
    const agent = new Agent({ keepAlive: true, maxSockets: this.#options.maxSockets, scheduling: 'lifo' })
    const connect: Connector = (_, connected) => {
      this.#connect().then((socket) => connected(null, socket), connected)
    }
    return { agent: Object.assign(agent, { createConnection: connect }), request }
  }

  async #connect(): Promise<Duplex> {
    const { socket: options, limitMs, clock } = this.#options
    const life = new AbortController()
    this.#lives.add(life)
    const timer = clock.after(limitMs, () => life.abort(new Error(`not connected in ${limitMs} ms`)))
    try {
      const socket = await openSocket(options, life.signal)
      return socket.once('close', () => this.#lives.delete(life))
    } catch (error) {
      this.#lives.delete(life)
      throw error
    } finally {
      timer.cancel()
    }
  }
}
