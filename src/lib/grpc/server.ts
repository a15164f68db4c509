import type {
  Http2SecureServer,
  Http2Server,
  Http2Session,
  IncomingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
} from 'node:http2'
import { type AddressInfo, createServer as createNetServer, type Server, type Socket } from 'node:net'
import type { SecureContextOptions, TlsOptions } from 'node:tls'
import type { Clock, Timer } from '../../util/clock.js'
import { Places } from '../../util/places.js'
import { answer, type CallLimits, type Method, type Reply, refuseStream, ServerCall } from './server-call.js'
import type { StatusName } from './status.js'

export interface GrpcServerOptions extends CallLimits {
  readonly host: string
  readonly port: number
  /** Without it connections are plain text. */
  readonly tls?: SecureContextOptions & Pick<TlsOptions, 'requestCert' | 'rejectUnauthorized'>
  /** By full name: `/package.Service/Method`. */
  readonly methods: Readonly<Record<string, Method>>
  /** Asked before anything of a request is read. */
  readonly allows: (headers: IncomingHttpHeaders) => boolean
  readonly maxConnections: number
  readonly clock: Clock
  /** A call came to something else than OK. */
  readonly onRefusal: (name: StatusName) => void
  /** A connection found no place, or had to make room. */
  readonly onConnectionRefused: () => void
  /** A method threw: a bug. */
  readonly onFailure: (error: unknown) => void
}

/** Calls of one connection at once; each may hold a message. A client of more waits, as HTTP/2 has it. */
const kMaxStreams = 128
const kMaxHeaderBytes = 16 * 1024
/** A request of 512 spans without waiting for the receiver; HTTP/2's 64 KiB would have three turns of it. */
const kWindowBytes = 2 ** 20
/** MB that node:http2 may hold for one connection: what it has not handed over yet, and headers. */
const kMaxSessionMegabytes = 16
/** A sender that says nothing within a request has gone, or means no good. */
const kSilenceMs = 15_000
/** The largest request on a slow line, and an end for who sends a byte now and then. */
const kRequestMs = 120_000
/** Until the first request: handshakes and a preface are a matter of some round trips. */
const kFirstCallMs = 20_000
const kSweepMs = 2500

interface Connection {
  readonly socket: Socket
  readonly sinceMs: number
  session: ServerHttp2Session | undefined
  calls: number
}

/** A server of unary gRPC calls (grpc/doc/PROTOCOL-HTTP2.md) that bounds what a sender can make it hold. */
export class GrpcServer {
  readonly #options: GrpcServerOptions
  readonly #places: Places<Connection>
  /** By address and port of the other end: of a TLS connection node:http2 knows another socket than was accepted. */
  readonly #byPeer = new Map<string, Connection>()
  readonly #bySession = new WeakMap<Http2Session, Connection>()
  /** Whose request has not come whole. */
  readonly #reading = new Set<ServerCall>()
  readonly #running = new Set<Promise<unknown>>()
  #server: Server | undefined
  #setTls: ((tls: SecureContextOptions) => void) | undefined
  #sweep: Timer | undefined
  #stopping = false

  private constructor(options: GrpcServerOptions) {
    this.#options = options
    this.#places = new Places(options.maxConnections, ({ socket }) => {
      options.onConnectionRefused()
      socket.destroy()
    })
  }

  /** @throws Error of node:net when the address is taken or not this machine's */
  static async listen(options: GrpcServerOptions): Promise<GrpcServer> {
    const server = new GrpcServer(options)
    await server.#listen()
    return server
  }

  get address(): AddressInfo | undefined {
    return (this.#server?.address() ?? undefined) as AddressInfo | undefined
  }

  /** For connections to come. */
  setTls(tls: SecureContextOptions): void {
    this.#setTls?.(tls)
  }

  get connections(): number {
    return this.#places.size
  }

  /** Takes no more calls, lets those that have come whole be answered, and ends every connection. */
  async close(): Promise<void> {
    this.#stopping = true
    const server = this.#server
    if (server === undefined) return
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const call of this.#reading) call.giveUp('the server ends')
    await Promise.allSettled(this.#running)
    for (const { session } of this.#places.all()) session?.close()
    // What was answered is to leave; who does not read it is not waited for.
    await new Promise((resolve) => setImmediate(resolve))
    for (const { session, socket } of this.#byPeer.values()) {
      session?.destroy()
      socket.destroySoon()
    }
    this.#sweep?.cancel()
    this.#server = undefined
    await closed
  }

  async #listen(): Promise<void> {
    const { host, port, tls, clock } = this.#options
    const { createServer, createSecureServer } = await import('node:http2')
    const settings = {
      maxConcurrentStreams: kMaxStreams,
      maxHeaderListSize: kMaxHeaderBytes,
      initialWindowSize: kWindowBytes,
    }
    const common = { settings, maxSessionMemory: kMaxSessionMegabytes, maxSendHeaderBlockLength: kMaxHeaderBytes * 4 }
    const http2: Http2Server =
      tls === undefined
        ? createServer(common)
        : (createSecureServer({ ...common, ...tls, allowHTTP1: false, handshakeTimeout: kFirstCallMs }) as Http2Server)
    http2
      .on('session', (session) => this.#opened(session))
      .on('stream', (stream, headers) => this.#called(stream, headers))
      .on('sessionError', () => {})
    if (tls !== undefined) this.#setTls = (options) => (http2 as Http2SecureServer).setSecureContext(options)
    // Accepted here, so that its place counts from the first packet on, and who has none costs nothing more.
    const server = createNetServer((socket) => {
      if (this.#connected(socket)) http2.emit('connection', socket)
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port }, () => {
        server.removeListener('error', reject)
        server.on('error', () => {}) // of single accepts (EMFILE): the server goes on
        resolve()
      })
    })
    this.#server = server
    this.#sweep = clock.every(kSweepMs, () => this.#endTheSilent())
  }

  #connected(socket: Socket): boolean {
    const connection: Connection = { socket, sinceMs: this.#nowMs(), session: undefined, calls: 0 }
    if (this.#stopping || !this.#places.enter(connection)) {
      this.#options.onConnectionRefused()
      socket.destroy()
      return false
    }
    const peer = peerOf(socket)
    socket.setNoDelay()
    this.#byPeer.set(peer, connection)
    socket.on('error', () => {})
    socket.once('close', () => {
      this.#places.leave(connection)
      if (this.#byPeer.get(peer) === connection) this.#byPeer.delete(peer)
    })
    return true
  }

  #opened(session: ServerHttp2Session): void {
    const connection = this.#byPeer.get(peerOf(session.socket))
    if (connection === undefined) return void session.destroy()
    connection.session = session
    this.#bySession.set(session, connection)
    session.setLocalWindowSize(kWindowBytes)
    session.on('error', () => {})
  }

  #called(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    stream.on('error', () => {}) // `close` follows, and that is what calls look at
    const connection = stream.session && this.#bySession.get(stream.session)
    if (connection === undefined) return void stream.close()
    connection.calls++
    this.#places.begun(connection)
    stream.once('close', () => this.#places.ended(connection))
    const method = this.#methodOf(stream, headers)
    if (method === undefined) return
    const { onFailure, onRefusal } = this.#options
    const call = new ServerCall(stream, headers, method, this.#options, this.#nowMs)
    this.#reading.add(call)
    const running = call
      .run(() => this.#reading.delete(call))
      .then((reply) => {
        if (reply !== undefined && reply.name !== 'OK') onRefusal(reply.name)
      })
      .catch((error: unknown) => {
        onFailure(error)
        answer(stream, { name: 'INTERNAL', details: 'a bug; see the log of the server' })
      })
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  /** Undefined when the stream was refused: it is no call, or of nobody who may call, or of a method that is not there. */
  #methodOf(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Method | undefined {
    const refuse = (reply: Reply): undefined => {
      this.#options.onRefusal(reply.name)
      answer(stream, reply)
    }
    if (headers[':method'] !== 'POST') return refuseStream(stream, 405) as undefined
    if (!/^application\/grpc(\+proto)?($|;)/.test(String(headers['content-type'] ?? '')))
      return refuseStream(stream, 415) as undefined
    if (this.#stopping) return refuse({ name: 'UNAVAILABLE', details: 'the server ends' })
    if (!this.#options.allows(headers)) return refuse({ name: 'UNAUTHENTICATED', details: 'no valid token' })
    const path = headers[':path'] ?? ''
    const { methods } = this.#options
    if (!Object.hasOwn(methods, path)) return refuse({ name: 'UNIMPLEMENTED', details: 'no such method here' })
    return methods[path]
  }

  readonly #nowMs = (): number => this.#options.clock.monotonicMs()

  #endTheSilent(): void {
    const nowMs = this.#nowMs()
    for (const call of this.#reading) {
      if (nowMs - call.heardMs >= kSilenceMs) call.giveUp(`nothing came for ${kSilenceMs} ms`)
      else if (nowMs - call.begunMs >= kRequestMs) call.giveUp(`no whole request in ${kRequestMs} ms`)
    }
    for (const { calls, sinceMs, socket } of this.#places.all())
      if (calls === 0 && nowMs - sinceMs >= kFirstCallMs) socket.destroy()
  }
}

function peerOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress} ${remotePort}`
}
