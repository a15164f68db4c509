import { readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { keepPlaces } from '../../../../src/exporters/prometheus/places.js'
import { cleanUp, cleanUps, collect, opened, pageOf, serve, statusOf, statusOncePlaced, talk } from './serve.js'

afterEach(cleanUp)

test('256 connections that send nothing keep nobody out: the one that waited longest makes room', async () => {
  const { port } = await serve()
  const idle: Socket[] = []
  for (let n = 0; n < 256; n++) idle.push(await opened(port))
  const first = collect(idle[0]!)
  let others = 0
  for (const socket of idle.slice(1)) socket.on('close', () => others++)
  expect(statusOf(await talk(port, 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'))).toBe(200)
  expect(statusOf(await first)).toBe(408)
  // All the rest are still welcome to ask.
  const last = collect(idle[1]!)
  idle[1]!.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  expect(statusOf(await last)).toBe(200)
  expect(others).toBe(1)
  for (const socket of idle) socket.destroy()
})

test('a connection kept open between two requests gives way like one that has not asked, and in its turn', async () => {
  const { port } = await serve()
  const scraper = await opened(port)
  scraper.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await new Promise((resolve) => scraper.once('data', resolve))
  const idle: Socket[] = []
  for (let n = 0; n < 255; n++) idle.push(await opened(port))
  const closed = new Promise((resolve) => scraper.once('close', resolve))
  idle.push(await opened(port))
  await closed
  for (const socket of idle) socket.destroy()
})

test('while all 256 are being answered, the next is told 503 and nobody loses his place', async () => {
  const asked: ServerResponse[] = []
  let refused = 0
  const http = createServer((request, response) => {
    if (!places.has(request.socket)) return void request.socket.destroy()
    places.asked(request.socket, response)
    asked.push(response)
  })
  const places = keepPlaces(http, (add) => {
    refused += add
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  cleanUps.push(() => {
    http.close()
    http.closeAllConnections()
  })
  const { port } = http.address() as { port: number }
  const answers: Promise<string>[] = []
  for (let n = 0; n < 256; n++) {
    const socket = await opened(port)
    answers.push(collect(socket))
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  }
  while (asked.length < 256) await new Promise((resolve) => setImmediate(resolve))
  expect(statusOf(await talk(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'))).toBe(503)
  expect(refused).toBe(1)
  for (const response of asked) response.end()
  expect(new Set((await Promise.all(answers)).map(statusOf))).toEqual(new Set([200]))
})

test('who asks and then reads nothing is cut off', async () => {
  const { port } = await serve({ stalledMs: 200, page: () => pageOf('x'.repeat(2 ** 25)) })
  const reader = await opened(port)
  reader.pause()
  reader.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
  // The server's end of the connection: 01 is ESTABLISHED (include/net/tcp_states.h).
  const serverEnd = `:${port.toString(16).toUpperCase().padStart(4, '0')} 0100007F:${reader.localPort!.toString(16).toUpperCase().padStart(4, '0')} 01`
  while (readFileSync('/proc/net/tcp', 'utf8').includes(serverEnd))
    await new Promise((resolve) => setImmediate(resolve))
  const answer = collect(reader)
  reader.resume()
  expect((await answer).length).toBeLessThan(2 ** 25)
})

test('who takes his page a little at a time has it for a limited time', async () => {
  const { port } = await serve({ answerMs: 300, page: () => pageOf('x'.repeat(2 ** 25)) })
  const reader = await opened(port)
  const ended = new Promise((resolve) => reader.once('close', resolve))
  let bytes = 0
  reader.on('data', (chunk) => {
    bytes += chunk.length
    reader.pause()
    setTimeout(() => reader.resume(), 20)
  })
  reader.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await ended
  expect(bytes).toBeLessThan(2 ** 25)
})

test('slow readers hold eight pages at most; who comes then is told when to come again, and has a page when they are gone', async () => {
  let made = 0
  const { port } = await serve({ page: () => pageOf(`${made++}`.padEnd(2 ** 24, 'x')) })
  const slow: Socket[] = []
  for (let n = 0; n < 8; n++) {
    const reader = await opened(port)
    reader.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await new Promise((resolve) => reader.once('data', resolve))
    reader.pause()
    slow.push(reader)
  }
  const refused = await talk(port, 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
  expect(statusOf(refused)).toBe(503)
  expect(refused).toContain('\r\nRetry-After: 10\r\n')
  for (const reader of slow) reader.destroy()
  expect(await statusOncePlaced(port)).toBe(200)
})

test.each([
  ['and go', 60_000, true],
  ['and stay until their time is over', 300, false],
])('who ask four times in one write, read nothing %s, hold no page afterwards', async (_, answerMs, leaves) => {
  let page = pageOf('x')
  let asked = 0
  const { port } = await serve({
    answerMs,
    page: () => {
      asked++
      return page
    },
  })
  for (let n = 1; n <= 9; n++) {
    page = pageOf(`${n}`.padEnd(2 ** 23, 'x'))
    const asker = await opened(port)
    asker.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(4))
    while (asked < 4 * n) await new Promise((resolve) => setImmediate(resolve))
    if (leaves) asker.destroy()
    else cleanUps.push(() => void asker.destroy())
  }
  page = pageOf('x')
  expect(await statusOncePlaced(port)).toBe(200)
})

test('a client that never ends its header is cut off, and others are served meanwhile', async () => {
  const { port } = await serve({ headersMs: 300 })
  const slow = await opened(port)
  const answer = collect(slow)
  slow.write('GET /metrics HTTP/1.1\r\nHost: local')
  expect(await statusOncePlaced(port)).toBe(200)
  expect(statusOf(await answer)).toBe(408)
})

test('a thousand clients that send nothing, or never to the end, are all got rid of, and the next is served', async () => {
  const { port } = await serve({ headersMs: 500 })
  const closed = Array.from({ length: 1000 }, (_, n) => {
    const socket = connect({ host: '127.0.0.1', port })
    if (n % 2 === 0) socket.write('GET /metrics HTTP/1.1\r\nHost: local')
    return collect(socket)
  })
  // The server ends every one; who had sent what was not read yet may see a reset (NaN) before what it is told.
  const statuses = (await Promise.all(closed)).map(statusOf)
  expect(new Set(statuses.filter((status) => !Number.isNaN(status)))).toEqual(new Set([408]))
  expect(await statusOncePlaced(port)).toBe(200)
})
