import type { ServerHttp2Stream } from 'node:http2'
import { Metadata, Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js'
import { afterEach, describe, expect, test } from 'vitest'
import type { Answer } from '../../../../src/lib/grpc/call.js'
import { statusNames } from '../../../../src/lib/grpc/status.js'
import { cleanUp, clientOf, heard, hello, message, method, never, own, reply, startHttp2 } from './servers.js'

afterEach(cleanUp)

type Handler = (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => void

/** A real server of gRPC's own library for Node. */
async function startGrpcJs(handle: Handler, options: object = {}): Promise<number> {
  const asIs = (bytes: Buffer): Buffer => bytes
  const server = new Server(options)
  const codecs = {
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  }
  server.addService({ Do: { path: method, requestStream: false, responseStream: false, ...codecs } }, { Do: handle })
  own(() => server.forceShutdown())
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    )
  })
}

/** GRPC_COMPRESS_GZIP of gRPC's compression algorithms. */
const kGzip = 2

const echo: Handler = ({ request }, callback) => callback(null, request)

/** The library ends a call by real time: nothing is to come of a machine that stands still. */
const patient = { timeoutMs: 3_600_000 }

describe('a server of gRPC’s own library', () => {
  for (const [size, gzip] of [
    [0, true],
    [5, true],
    [8192, true],
    [300_000, true],
    [300_000, false],
  ] as const)
    for (const answersGzip of [false, true])
      test(`gets and gives ${size} bytes${gzip ? '' : ' uncompressed'}${answersGzip ? ', compresses its own' : ''}`, async () => {
        const port = await startGrpcJs(echo, answersGzip ? { 'grpc.default_compression_algorithm': kGzip } : {})
        const { client } = clientOf(port, { ...patient, gzip, maxAnswerBytes: 300_000 })
        const body = Buffer.alloc(size, 'abc')
        const answer = await client.unary(method, [body], never)
        expect(answer).toMatchObject({ status: { name: 'OK' }, sent: true })
        expect(Buffer.from(answer.message!).equals(body)).toBe(true)
      })

  test('is told by every code, with its text and details', async () => {
    const details = Buffer.from([1, 2, 250])
    const port = await startGrpcJs(({ request }, callback) => {
      const metadata = new Metadata()
      metadata.set('grpc-status-details-bin', details)
      callback({ code: request[0]!, details: 'naïve: 100% / “so”', metadata })
    })
    const { client } = clientOf(port, patient)
    for (const [code, name] of statusNames.entries()) {
      expect(status[code]).toBe(name)
      if (code === 0) continue
      const answer = await client.unary(method, [Buffer.from([code])], never)
      expect(answer).toEqual({ status: { name, details: 'naïve: 100% / “so”', statusDetails: details } })
    }
  })

  test('says UNIMPLEMENTED to a method it does not have', async () => {
    const { client } = clientOf(await startGrpcJs(echo), patient)
    expect((await client.unary('/a.Service/Other', [hello], never)).status.name).toBe('UNIMPLEMENTED')
  })

  test('sees the headers, and how long the answer is waited for', async () => {
    let seen: { headers: object; deadline: unknown } | undefined
    const port = await startGrpcJs((call, callback) => {
      seen = { headers: call.metadata.getMap(), deadline: call.getDeadline() }
      echo(call, callback)
    })
    const { client } = clientOf(port, { ...patient, headers: () => ({ 'x-api-key': 'k' }) })
    await client.unary(method, [hello], never)
    expect(seen!.headers).toMatchObject({ 'x-api-key': 'k', 'user-agent': 'test/1' })
    const leftMs = Number(seen!.deadline) - Date.now()
    expect(Math.abs(leftMs - 3_600_000)).toBeLessThan(60_000)
  })

  for (const [end, name] of [
    ['deadline', 'DEADLINE_EXCEEDED'],
    ['abort', 'CANCELLED'],
  ] as const)
    test(`is told that nobody waits any more: ${end}`, async () => {
      let arrived: () => void = () => {}
      const there = new Promise<void>((resolve) => {
        arrived = resolve
      })
      let cancelled: () => void = () => {}
      const told = new Promise<void>((resolve) => {
        cancelled = resolve
      })
      const port = await startGrpcJs((call) => {
        call.once('cancelled', cancelled)
        arrived()
      })
      const { client, clock } = clientOf(port)
      const abort = new AbortController()
      const call = client.unary(method, [hello], abort.signal)
      await there
      if (end === 'abort') abort.abort()
      else await clock.advance(10_000)
      expect((await call).status.name).toBe(name)
      await told
    })

  test('that takes two calls at once has twenty served, two at a time', async () => {
    let running = 0
    let most = 0
    const port = await startGrpcJs(
      (call, callback) => {
        most = Math.max(most, ++running)
        setImmediate(() => {
          running--
          echo(call, callback)
        })
      },
      { 'grpc.max_concurrent_streams': 2 },
    )
    const { client } = clientOf(port, patient)
    // Each call has a signal of its own, as those of an exporter have.
    const call = () => client.unary(method, [hello], new AbortController().signal)
    const answers = await Promise.all(Array.from({ length: 20 }, call))
    expect(answers.map(({ status: { name } }) => name)).toEqual(Array.from({ length: 20 }, () => 'OK'))
    expect(most).toBeLessThanOrEqual(2)
  })
})

describe('one connection', () => {
  const ok = { 'grpc-status': '0' }

  test('serves calls that come at once and later ones', async () => {
    const server = await startHttp2((stream) => reply(stream, message(hello), ok))
    const { client } = clientOf(server.port)
    await Promise.all(Array.from({ length: 10 }, () => client.unary(method, [hello], never)))
    await client.unary(method, [hello], never)
    expect(server.sessions).toHaveLength(1)
  })

  test('that goes away (GOAWAY) finishes its calls; the next has a new one', async () => {
    const server = await startHttp2((stream) => {
      const session = server.sessions.at(-1)!
      if (server.sessions.length > 1) return reply(stream, message(hello), ok)
      session.goaway()
      setImmediate(() => reply(stream, message(hello), ok))
    })
    const { client } = clientOf(server.port)
    expect((await client.unary(method, [hello], never)).status.name).toBe('OK')
    expect((await client.unary(method, [hello], never)).status.name).toBe('OK')
    expect(server.sessions).toHaveLength(2)
  })

  test('that went away while nobody called is replaced', async () => {
    const server = await startHttp2((stream) => reply(stream, message(hello), ok))
    const { client } = clientOf(server.port)
    await client.unary(method, [hello], never)
    const closed = new Promise((resolve) => server.sessions[0]!.once('close', resolve))
    server.sessions[0]!.close()
    await closed
    await new Promise((resolve) => setImmediate(resolve))
    expect((await client.unary(method, [hello], never)).status.name).toBe('OK')
    expect(server.sessions).toHaveLength(2)
  })

  test('on which not a byte came for a whole call is not used for the next; one that is only slow is', async () => {
    const silent = new Set<string>(['/silent'])
    const server = await startHttp2((stream, { headers }) => {
      const path = (headers as { ':path': string })[':path']
      if (path === '/slow') stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
      else if (!silent.has(path)) reply(stream, message(hello), ok)
      began()
    })
    let began: () => void = () => {}
    const { client, clock } = clientOf(server.port)
    for (const [path, sessions] of [
      ['/slow', 1],
      ['/silent', 1],
      ['/quick', 2],
    ] as const) {
      const begun = new Promise<void>((resolve) => {
        began = resolve
      })
      const call = client.unary(path, [hello], never)
      await begun
      if (path === '/slow') await heard(server.sessions[0]!) // the headers of its answer
      if (path !== '/quick') await clock.advance(10_000)
      expect((await call).status.name).toBe(path === '/quick' ? 'OK' : 'DEADLINE_EXCEEDED')
      expect(server.sessions).toHaveLength(sessions)
    }
  })

  test('refuses at once what comes after its end, and ends what runs', async () => {
    const server = await startHttp2(() => client.close())
    const { client } = clientOf(server.port)
    expect((await client.unary(method, [hello], never)).status.name).toBe('UNAVAILABLE')
    const { status: after } = await client.unary(method, [hello], never)
    expect(after).toEqual({ name: 'UNAVAILABLE', details: 'no connection: the client is closed', cut: true })
  })

  test('a refusal before all is sent is heard: the rest is not waited for', async () => {
    const answer = await answeredUnread((stream) => stream.respond({ ':status': 413 }, { endStream: true }))
    expect(answer.status).toEqual({ name: 'UNKNOWN', details: 'Received HTTP status code 413' })
  })

  test('a server that is content before it has all of a request may still be sent some: its memory is not given away', async () => {
    const answer = await answeredUnread((stream) => reply(stream, message(hello), { 'grpc-status': '0' }))
    expect(answer).toMatchObject({ status: { name: 'OK' }, sent: false })
  })
})

/** What comes of a call whose server answers without having read the request. */
async function answeredUnread(answer: (stream: ServerHttp2Stream) => void): Promise<Answer> {
  const server = await startHttp2(() => {})
  const { client } = clientOf(server.port, { gzip: false })
  // More than HTTP/2 lets through unasked (64 KiB): what the server does not read, the client keeps.
  const call = client.unary(method, [Buffer.alloc(10_000_000)], never)
  while (server.sessions.length === 0) await new Promise((resolve) => setImmediate(resolve))
  server.sessions[0]!.once('stream', (stream) => {
    stream.removeAllListeners('data').pause()
    answer(stream)
  })
  return call
}
