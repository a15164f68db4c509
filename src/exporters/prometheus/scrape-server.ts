import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type Format, negotiate } from '../../lib/openmetrics/exposition.js'
import type { ListenAddress } from '../../lib/openmetrics/listen-address.js'
import { listenTrouble } from '../../util/listen-trouble.js'
import { isLoopback } from '../../util/loopback.js'
import type { Page } from './page-cache.js'
import { keepPlaces, refuseRaw } from './places.js'
import { type HostRule, hostRule, refusalOf } from './request-rules.js'

const kMaxHeaderBytes = 16 * 1024
const kHeadersMs = 5000
/** A scraper that takes nothing of its page for so long has gone; Prometheus itself waits 10 s by default. */
const kStalledMs = 30_000
/** A page is to be taken whole within this time: who reads a byte now and then would hold it, megabytes, for hours. */
const kAnswerMs = 60_000
/** Pages that are being taken at once. They are made once a second at most, and taken within one: more are in slow hands. */
const kMaxPagesInHand = 8
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
  /** How long the taking of a page may last; 60 s unless said otherwise. */
  readonly answerMs?: number
  /** Whether a page to this address is compressed, where its reader can; to other machines only, unless said otherwise. */
  readonly zips?: (peer: string) => boolean
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
  const inHand: PagesInHand = new Map()
  server.on('request', (request, response) => {
    if (!places.has(request.socket)) return void request.socket.destroy()
    places.asked(request.socket, response)
    answer(request, response, settings, hosts, inHand).catch((error: unknown) => fail(response, settings, error))
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

/** By how many connections each page is being taken. */
type PagesInHand = Map<Page, number>

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { path, page: pageOf, onAnswer, onRefusal, answerMs, zips = isElsewhere }: ScrapeServerSettings,
  hosts: HostRule,
  inHand: PagesInHand,
): Promise<void> {
  const refuse = (status: number, reason: string, headers: OutgoingHttpHeaders = {}): void => {
    onRefusal(1)
    // The rest of the request is not read: its framing is what may be wrong.
    response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close', ...headers })
    response.end(request.method === 'HEAD' ? undefined : `${reason}\n`)
  }
  const refusal = refusalOf(request, path, hosts)
  if (refusal !== undefined)
    return refuse(refusal.status, refusal.reason, refusal.status === 405 ? { Allow: 'GET, HEAD' } : {})
  const format = negotiate(request.headers.accept)
  const page = await pageOf(format)
  if (!inHand.has(page) && inHand.size >= kMaxPagesInHand)
    return refuse(503, `${kMaxPagesInHand} pages are still being taken by slow readers`, { 'Retry-After': 10 })
  hold(page, request.socket, response, inHand, answerMs ?? kAnswerMs)
  const zipped =
    page.plain.bytes >= kGzipFromBytes &&
    acceptsGzip(request.headers['accept-encoding']) &&
    zips(request.socket.remoteAddress ?? '')
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

/** Until the answer is out, its connection has gone, or its time is over. */
function hold(page: Page, socket: Socket, response: ServerResponse, inHand: PagesInHand, answerMs: number): void {
  if (socket.destroyed || response.destroyed) return // who asked has gone meanwhile, and no `close` would come
  inHand.set(page, (inHand.get(page) ?? 0) + 1)
  let held = true
  const release = (): void => {
    if (!held) return
    held = false
    clearTimeout(late)
    socket.removeListener('close', release)
    const others = inHand.get(page)! - 1
    if (others > 0) inHand.set(page, others)
    else inHand.delete(page)
  }
  const late = setTimeout(() => {
    socket.destroy()
    release()
  }, answerMs).unref()
  response.once('close', release)
  // Of pipelined requests only the first has the socket: the responses queued behind it never emit `close` when it goes.
  socket.setMaxListeners(0).once('close', release)
}

/** Whatever cannot be served (a page beyond 512 MiB) costs this request, not the agent. */
function fail(response: ServerResponse, { onFailure, onRefusal }: ScrapeServerSettings, error: unknown): void {
  onRefusal(1)
  onFailure(error)
  if (response.headersSent) return void response.destroy()
  response.writeHead(500, { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' })
  response.end('the page cannot be made; see the log of the agent\n')
}

/** On this machine compressing costs both ends more than copying: the agent spent a large part of a scrape on it (bench scrape). */
function isElsewhere(peer: string): boolean {
  return !isLoopback(peer.replace(/^::ffff:/, '')) // as an IPv6 socket sees IPv4
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
