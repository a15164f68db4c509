import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { type Format, negotiate } from '../../lib/openmetrics/exposition.js'
import type { ListenAddress } from '../../lib/openmetrics/listen-address.js'
import { type HostRule, hostRule, refusalOf } from './request-rules.js'

/** Prometheus and a few people with curl; more open connections are a mistake or an attack. */
const kMaxConnections = 256
/** Beyond it a connection is not even told why: each answer costs a socket, too. */
const kMaxConnectionsHard = 512
const kMaxHeaderBytes = 16 * 1024
const kHeadersMs = 5000
/** Pages below this go uncompressed: a packet more or less. */
const kGzipFromBytes = 1024

const gzipAsync = promisify(gzip)

export interface ScrapeServerSettings {
  readonly address: ListenAddress
  readonly path: string
  /** Host names answered besides the loopback ones. */
  readonly allowedHosts: readonly string[]
  /** Time for a request's header, and to idle between two requests; 5 s unless said otherwise. */
  readonly headersMs?: number
  readonly render: (format: Format) => string
  readonly onAnswer: (add: number) => void
  readonly onRefusal: (add: number) => void
}

export interface ScrapeServer {
  readonly address: AddressInfo
  close(): Promise<void>
}

/**
 * Listens, and answers GET and HEAD of one path. Everything else is refused as early as it can be told apart.
 *
 * @throws Error with what to do when the address is taken or not this machine's
 */
export async function listenForScrapes(settings: ScrapeServerSettings): Promise<ScrapeServer> {
  const headersMs = settings.headersMs ?? kHeadersMs
  const server = createServer({
    maxHeaderSize: kMaxHeaderBytes,
    headersTimeout: headersMs,
    requestTimeout: headersMs,
    keepAliveTimeout: headersMs,
    connectionsCheckingInterval: Math.min(headersMs, 1000),
  })
  server.maxConnections = kMaxConnectionsHard
  const hosts = hostRule(settings.address.loopback, settings.allowedHosts)
  const surplus = capConnections(server, settings.onRefusal)
  server.on('request', (request, response) => {
    if (surplus.has(request.socket)) request.socket.destroy()
    else void answer(request, response, settings, hosts)
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    settings.onRefusal(1)
    refuseRaw(socket, statusOfParseError(error.code))
  })
  await listen(server, settings.address)
  return {
    address: server.address() as AddressInfo,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { path, render, onAnswer, onRefusal }: ScrapeServerSettings,
  hosts: HostRule,
): Promise<void> {
  const refusal = refusalOf(request, path, hosts)
  if (refusal !== undefined) {
    onRefusal(1)
    const allow = refusal.status === 405 ? { Allow: 'GET, HEAD' } : {}
    // The rest of the request is not read: its framing is what may be wrong.
    response.writeHead(refusal.status, { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close', ...allow })
    response.end(request.method === 'HEAD' ? undefined : `${refusal.reason}\n`)
    return
  }
  const format = negotiate(request.headers.accept)
  let body: Buffer = Buffer.from(render(format))
  const zipped = body.length >= kGzipFromBytes && acceptsGzip(request.headers['accept-encoding'])
  if (zipped) body = await gzipAsync(body, { level: 1 })
  onAnswer(1)
  response.writeHead(200, {
    'Content-Type': format.contentType,
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    Vary: 'Accept, Accept-Encoding',
    ...(zipped ? { 'Content-Encoding': 'gzip' } : {}),
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

function acceptsGzip(header: string | string[] | undefined): boolean {
  return String(header ?? '')
    .split(',')
    .some((part) => /^\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/i.test(part))
}

/** Tells the 257th connection 503 as soon as it opens; the parser's own listener came first, so it must be ignored. */
function capConnections(server: Server, onRefusal: (add: number) => void): WeakSet<Socket> {
  const surplus = new WeakSet<Socket>()
  let open = 0
  server.on('connection', (socket) => {
    if (++open > kMaxConnections) {
      surplus.add(socket)
      onRefusal(1)
      refuseRaw(socket, '503 Service Unavailable')
    }
    socket.on('close', () => open--)
  })
  return surplus
}

function refuseRaw(socket: Socket, status: string): void {
  if (!socket.writable) return void socket.destroy()
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

function statusOfParseError(code: string | undefined): string {
  if (code === 'HPE_HEADER_OVERFLOW') return '431 Request Header Fields Too Large'
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return '408 Request Timeout'
  return '400 Bad Request'
}

function listen(server: Server, { host, port }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new Error(listenTrouble(error, host, port))))
    server.listen({ host, port }, () => {
      server.removeAllListeners('error')
      // Later errors concern single accepts (EMFILE): the server goes on.
      server.on('error', () => {})
      resolve()
    })
  })
}

function listenTrouble(error: NodeJS.ErrnoException, host: string, port: number): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `${host}:${port} is in use by another process (see: ss -ltnp 'sport = :${port}'); stop it or choose another endpoint`
    case 'EACCES':
      return `no permission to listen on ${host}:${port}; ports below 1024 need CAP_NET_BIND_SERVICE`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is not an address of this machine`
    default:
      return `cannot listen on ${host}:${port}: ${error.message}`
  }
}
