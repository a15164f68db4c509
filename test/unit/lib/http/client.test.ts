import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { HttpClient, type HttpClientOptions } from '../../../../src/lib/http/client.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'

const cleanUps: (() => void)[] = []
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp()
})

interface Seen {
  readonly request: IncomingMessage
  readonly body: Buffer
}

async function serve(answer: (response: ServerResponse, seen: Seen) => void): Promise<{ port: number; seen: Seen[] }> {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('error', () => {})
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const one = { request, body: Buffer.concat(chunks) }
      seen.push(one)
      answer(response, one)
    })
  })
  // Not after 5 s: a machine that stands still for so long would have more connections made than are counted.
  server.keepAliveTimeout = 0
  cleanUps.push(() => server.close().closeAllConnections())
  return { port: await listening(server), seen }
}

/** A peer of raw bytes; what it sends comes after the first bytes of a request. */
async function serveBytes(...parts: readonly string[]): Promise<{ port: number; sockets: Socket[] }> {
  const sockets: Socket[] = []
  const server = createTcpServer((socket) => {
    sockets.push(socket.on('error', () => {}))
    socket.once('data', () => {
      for (const part of parts) socket.write(part, 'latin1')
      if (parts.length > 0) socket.end()
    })
  })
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: await listening(server), sockets }
}

async function listening(server: Server | ReturnType<typeof createTcpServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

function clientOf(port: number, options: Partial<HttpClientOptions> = {}) {
  const clock = new FakeClock()
  const client = new HttpClient({
    address: { host: '127.0.0.1', port },
    authority: `127.0.0.1:${port}`,
    headers: () => ({}),
    userAgent: 'test/1',
    gzip: true,
    timeoutMs: 10_000,
    maxAnswerBytes: 1000,
    maxSockets: 2,
    clock,
    ...options,
  })
  cleanUps.push(() => client.close())
  const post = (body: readonly Uint8Array[] = [Buffer.from('hello')], signal = new AbortController().signal) =>
    client.post('/v1/logs', body, 'application/json', signal)
  return { client, clock, post }
}

test('a request is what it is said to be, and the answer comes back whole', async () => {
  const { port, seen } = await serve((response) => response.writeHead(200, { 'x-a': 'b' }).end('taken'))
  const own = { 'x-api-key': 'k', 'content-type': 'text/plain', host: 'elsewhere' }
  const { post } = clientOf(port, { headers: () => own })
  expect(await post([Buffer.from('hel'), Buffer.from('lo')])).toMatchObject({
    kind: 'answer',
    status: 200,
    headers: { 'x-a': 'b' },
    body: Buffer.from('taken'),
    tooLong: false,
    sent: true,
  })
  const [{ request, body }] = seen as [Seen]
  expect([request.method, request.url, String(body)]).toEqual(['POST', '/v1/logs', 'hello'])
  expect(request.headers).toMatchObject({
    host: `127.0.0.1:${port}`,
    'user-agent': 'test/1',
    'content-type': 'application/json',
    'content-length': '5',
    'x-api-key': 'k',
  })
  expect(request.headers['content-encoding']).toBeUndefined()
})

test('a large body is compressed when that was asked for', async () => {
  const { port, seen } = await serve((response) => response.end())
  const body = Buffer.alloc(20_000, 'abc')
  await clientOf(port).post([body.subarray(0, 9000), body.subarray(9000)])
  await clientOf(port, { gzip: false }).post([body])
  expect(seen.map(({ request }) => request.headers['content-encoding'])).toEqual(['gzip', undefined])
  expect(gunzipSync(seen[0]!.body).equals(body)).toBe(true)
  expect(seen[1]!.body.equals(body)).toBe(true)
})

test('headers are asked for at each request', async () => {
  const { port, seen } = await serve((response) => response.end())
  let key = 'first'
  const { post } = clientOf(port, { headers: () => ({ key }) })
  await post()
  key = 'second'
  await post()
  expect(seen.map(({ request }) => request.headers['key'])).toEqual(['first', 'second'])
})

test('connections are kept, and no more than allowed are made', async () => {
  const ports = new Set<number>()
  const { port } = await serve((response, { request }) => {
    ports.add(request.socket.remotePort!)
    response.end()
  })
  const { post } = clientOf(port)
  const results = await Promise.all(Array.from({ length: 10 }, () => post()))
  expect(results.every((result) => result.kind === 'answer' && result.status === 200)).toBe(true)
  await post()
  expect(ports.size).toBe(2)
})

describe('an answer that is none', () => {
  const cases: readonly [string, readonly string[], RegExp][] = [
    ['nothing', [''], /socket hang up/],
    ['no HTTP', ['SSH-2.0-OpenSSH\r\n\r\n'], /Parse Error/],
    ['headers without end', [`HTTP/1.1 200 OK\r\na: ${'x'.repeat(20_000)}\r\n\r\n`], /Parse Error: Header overflow/],
    ['half of its body', ['HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'], /aborted|closed in the middle/],
    ['half of a chunk', ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhalf'], /aborted|closed in the/],
    ['a length that is none', ['HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n'], /Parse Error/],
    ['two lengths', ['HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'], /Parse Error/],
  ]
  for (const [name, parts, details] of cases)
    test(name, async () => {
      const { port } = await serveBytes(...parts)
      expect(await clientOf(port).post()).toEqual({
        kind: 'none',
        why: 'unavailable',
        details: expect.stringMatching(details),
      })
    })
})

test('of an answer that is too long the beginning is there, and its connection is not used again', async () => {
  let connections = 0
  const { port } = await serve((response, { request }) => {
    if (request.socket.bytesRead > 0) connections++
    response.write('x'.repeat(5000)) // and no end
  })
  const { post } = clientOf(port)
  const result = await post()
  expect(result).toMatchObject({ kind: 'answer', status: 200, tooLong: true })
  expect(result.kind === 'answer' && result.body.length).toBe(1000)
  await post()
  expect(connections).toBe(2)
})

test('a server that says nothing is given up in time, and leaves no connection', async () => {
  const { port, sockets } = await serveBytes()
  const { post, clock } = clientOf(port)
  for (let round = 0; round < 3; round++) {
    const result = post()
    while (sockets.length <= round) await clock.advance(0)
    const closed = new Promise((resolve) => sockets[round]!.once('close', resolve).resume())
    await clock.advance(10_000)
    expect(await result).toEqual({ kind: 'none', why: 'timeout', details: 'no answer in 10000 ms' })
    await closed
  }
  expect(clock.pending).toBe(0)
})

test('an aborted request ends at once, also before it has begun', async () => {
  const { port, sockets } = await serveBytes()
  const { post, clock } = clientOf(port)
  const controller = new AbortController()
  const result = post(undefined, controller.signal)
  while (sockets.length === 0) await clock.advance(0)
  controller.abort()
  const cancelled = { kind: 'none', why: 'cancelled', details: 'given up' }
  expect(await result).toEqual(cancelled)
  expect(await post(undefined, controller.signal)).toEqual(cancelled)
})

test('a request that waits for a connection ends by its own time, too, and the next one gets its place', async () => {
  const held: ServerResponse[] = []
  const { port } = await serve((response) => void held.push(response))
  const { post, clock } = clientOf(port, { maxSockets: 1 })
  const first = post()
  while (held.length === 0) await clock.advance(0)
  await clock.advance(4000)
  const controller = new AbortController()
  const second = post(undefined, controller.signal)
  const third = post()
  await clock.advance(0)
  controller.abort()
  expect(await second).toMatchObject({ why: 'cancelled' })
  held[0]!.end()
  expect(await first).toMatchObject({ kind: 'answer', status: 200 })
  while (held.length === 1) await clock.advance(0)
  await clock.advance(10_000)
  expect(await third).toMatchObject({ why: 'timeout' })
  expect(held).toHaveLength(2)
})

test('nobody there, and a client that is closed, are unavailable', async () => {
  const { port, seen } = await serve((response) => response.end())
  const { client, post } = clientOf(port)
  await post()
  client.close()
  expect(await post()).toMatchObject({ why: 'unavailable', details: 'the client is closed' })
  expect(seen).toHaveLength(1)
  expect(await clientOf(1).post()).toMatchObject({
    why: 'unavailable',
    details: expect.stringContaining('ECONNREFUSED'),
  })
})

test('a server that refuses before it has all is heard, and need not take the rest', async () => {
  const server = createServer((request, response) => {
    request.on('error', () => {})
    response.writeHead(413).end('too large')
  })
  cleanUps.push(() => server.close().closeAllConnections())
  const port = await listening(server)
  const result = await clientOf(port, { gzip: false }).post([Buffer.alloc(2 ** 24)])
  expect(result).toMatchObject({ kind: 'answer', status: 413, body: Buffer.from('too large') })
})
