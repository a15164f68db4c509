import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type Format, negotiate } from '../../lib/openmetrics/exposition.js'
import type { ListenAddress } from '../../lib/openmetrics/listen-address.js'
import type { Page } from './page-cache.js'
import { keepPlaces, refuseRaw } from './places.js'
import { type HostRule, hostRule, refusalOf } from './request-rules.js'

const kMaxHeaderBytes = 16 * 1024
const kHeadersMs = 5000
/** A scraper that takes nothing of its page for so long has gone; Prometheus itself waits 10 s by default. */
const kStalledMs = 30_000
/** Pages below this go uncompressed: a packet more or less. */
const kGzipFromBytes = 1024

export interface ScrapeServerSettings {
  readonly address: ListenAddress
  readonly path: string
  /** Host names answered besides the loopback ones. */
  readonly allowedHosts: readonly string[]
  /** Time for a request's header, and to idle between two requests; 5 s unless said otherwise. */
  readonly headersMs?: number
  /** How long a page may lie unread; 30 s unless said otherwise. */
  readonly stalledMs?: number
  readonly page: (format: Format) => Promise<Page>
  readonly onAnswer: (add: number) => void
  readonly onRefusal: (add: number) => void
  /** A page could not be made; the request is answered 500. */
  readonly onFailure: (error: unknown) => void
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
  server.setTimeout(settings.stalledMs ?? kStalledMs)
  const hosts = hostRule(settings.address.loopback, settings.allowedHosts)
  const places = keepPlaces(server, settings.onRefusal)
  server.on('request', (request, response) => {
    if (!places.has(request.socket)) return void request.socket.destroy()
    places.asked(request.socket, response)
    answer(request, response, settings, hosts).catch((error: unknown) => fail(response, settings, error))
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (!places.has(socket)) return void socket.destroy()
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
  { path, page: pageOf, onAnswer, onRefusal }: ScrapeServerSettings,
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
  const page = await pageOf(format)
  const zipped = page.plain.bytes >= kGzipFromBytes && acceptsGzip(request.headers['accept-encoding'])
  const body = zipped ? await page.zipped() : page.plain
  onAnswer(1)
  response.writeHead(200, {
    'Content-Type': format.contentType,
    'Content-Length': body.bytes,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    Vary: 'Accept, Accept-Encoding',
    ...(zipped ? { 'Content-Encoding': 'gzip' } : {}),
  })
  if (request.method !== 'HEAD') for (const chunk of body.chunks) response.write(chunk)
  response.end()
}

/** Whatever cannot be served (a page beyond 512 MiB) costs this request, not the agent. */
function fail(response: ServerResponse, { onFailure, onRefusal }: ScrapeServerSettings, error: unknown): void {
  onRefusal(1)
  onFailure(error)
  if (response.headersSent) return void response.destroy()
  response.writeHead(500, { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' })
  response.end('the page cannot be made; see the log of the agent\n')
}

function acceptsGzip(header: string | string[] | undefined): boolean {
  return String(header ?? '')
    .split(',')
    .some((part) => /^\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/i.test(part))
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
