import { connect, type Socket } from 'node:net'
import { makePage, type Page } from '../../../../src/exporters/prometheus/page-cache.js'
import {
  listenForScrapes,
  type ScrapeServer,
  type ScrapeServerSettings,
} from '../../../../src/exporters/prometheus/scrape-server.js'
import { atOnce } from '../../../../src/util/pausable.js'

export const text = `m 1\n${'# padding that compresses well\n'.repeat(100)}`

export const cleanUps: (() => Promise<void> | void)[] = []

/** For `afterEach`. */
export async function cleanUp(): Promise<void> {
  for (const one of cleanUps.splice(0).reverse()) await one()
}

/** No limit of time but those a test gives: a machine that stands still would use up the 5 s that a header may take. */
export async function serve(part: Partial<ScrapeServerSettings> = {}): Promise<{ port: number; server: ScrapeServer }> {
  const server = await listenForScrapes({
    address: { host: '127.0.0.1', port: 0, loopback: true },
    path: '/metrics',
    allowedHosts: ['node1.example'],
    page: () => pageOf(text),
    onAnswer: () => {},
    onRefusal: () => {},
    onFailure: () => {},
    headersMs: 60_000,
    ...part,
  })
  cleanUps.push(() => server.close())
  return { port: server.address.port, server }
}

export async function pageOf(whole: string, maxBytes?: number): Promise<Page> {
  return atOnce(makePage([Buffer.from(whole)], { maxBytes }))
}

export function opened(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port }, () => resolve(socket))
    socket.on('error', reject)
  })
}

/** Sends raw bytes and returns the answer (latin1) once its head is complete and the server closed or paused. */
export async function talk(port: number, raw: string): Promise<string> {
  const socket = await opened(port)
  const answer = collect(socket)
  socket.write(raw, 'latin1')
  // Not before the answer begins: Node's server drops a request whose client has half-closed.
  socket.once('data', () => socket.end())
  return answer
}

/**
 * Asks until there is a place: the server learns of a closed connection a little later than who closed it. Where it gives a
 * header some hundred milliseconds, and this process stands still for as long, it asks again, too (408).
 */
export async function statusOncePlaced(port: number): Promise<number> {
  for (;;) {
    const raw = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
    const status = statusOf(await talk(port, raw))
    if (status !== 503 && status !== 408) return status
  }
}

export function collect(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', () => resolve(text))
    socket.on('close', () => resolve(text))
  })
}

export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1])
}
