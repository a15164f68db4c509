import { mkdtempSync, rmSync } from 'node:fs'
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { methods } from '../../../../src/lib/otlp/methods.js'
import { settle } from '../../../../src/testkit/fake-clock.js'
import { sampleSpan } from '../../../../src/testkit/sample.js'
import { OtlpClient } from '../../../support/otlp-client.js'
import { makeAuthority } from '../../../support/tls-files.js'
import { cleanUp, own, requestOf, startHttpReceiver, startReceiver, status } from './rig.js'

afterEach(cleanUp)

const request = requestOf({ spans: [sampleSpan()] })

/** A client that says only what it is told to. */
function rawClient(port: number): ClientHttp2Session {
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  session.on('error', () => {})
  own({ close: () => session.destroy() })
  return session
}

function call(
  session: ClientHttp2Session,
  headers: object = {},
): { stream: ClientHttp2Stream; ended: Promise<string> } {
  const stream = session.request({
    ':method': 'POST',
    ':path': methods.traces,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  })
  stream.on('error', () => {})
  const ended = new Promise<string>((resolve) => {
    let said = ''
    stream.on('response', (got) => {
      said = String(got['grpc-status'] ?? got[':status'])
    })
    stream.on('trailers', (got) => {
      said = String(got['grpc-status'])
    })
    stream.on('close', () => resolve(said))
    stream.resume()
  })
  return { stream, ended }
}

function prefix(length: number, flag = 0): Buffer {
  const bytes = Buffer.alloc(5)
  bytes[0] = flag
  bytes.writeUInt32BE(length, 1)
  return bytes
}

async function turnsUntil(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

describe('a message that is announced and does not come', () => {
  test('takes the memory of what came, and its place for 15 s', async () => {
    const { port, clock, telemetry, batches } = await startReceiver()
    const { stream, ended } = call(rawClient(port))
    stream.write(prefix(19 * 2 ** 20))
    const held = () => telemetry.gauges.get('held_bytes')!()
    await turnsUntil(() => held() > 0)
    expect(held()).toBeLessThanOrEqual(8 * 1024)
    await clock.advance(17_500)
    expect(await ended).toBe(String(status.DEADLINE_EXCEEDED))
    await settle()
    expect([held(), batches.length]).toEqual([0, 0])
  })

  test('counts before the first byte of it: calls that only begin are bounded, over all connections', async () => {
    const { port, telemetry } = await startReceiver({ max_request_size: '16KiB', max_requests_size: '64KiB' })
    const calls = [rawClient(port), rawClient(port)].flatMap((session) => [1, 2, 3, 4, 5, 6].map(() => call(session)))
    const said: string[] = []
    for (const { ended } of calls) void ended.then((answer) => said.push(answer))
    await turnsUntil(() => said.length === 4)
    expect(said).toEqual(Array(4).fill(String(status.UNAVAILABLE)))
    expect(telemetry.gauges.get('held_bytes')!()).toBe(64 * 1024)
    for (const { stream } of calls) stream.close()
    await turnsUntil(() => telemetry.gauges.get('held_bytes')!() === 0)
    const next = call(rawClient(port))
    next.stream.end(Buffer.concat([prefix(request.length), request]))
    expect(await next.ended).toBe('0')
  })

  test('a byte now and then does not help: two minutes are for a whole request', async () => {
    const { port, clock, telemetry } = await startReceiver()
    const { stream, ended } = call(rawClient(port))
    let over = false
    void ended.then(() => {
      over = true
    })
    stream.write(prefix(1000))
    await turnsUntil(() => telemetry.gauges.get('held_bytes')!() > 0)
    for (let second = 0; second <= 125 && !over; second += 5) {
      stream.write('a')
      await new Promise((resolve) => setTimeout(resolve, 2)) // the byte is to arrive before time goes on
      await clock.advance(5000)
      await settle()
    }
    expect(await ended).toBe(String(status.DEADLINE_EXCEEDED))
  })

  test('a connection that asks for nothing ends within 25 s', async () => {
    const { port, clock, telemetry } = await startReceiver()
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    socket.resume()
    own({ close: () => socket.destroy() })
    await turnsUntil(() => telemetry.gauges.get('connections')!() === 1)
    const closed = new Promise((resolve) => socket.on('close', resolve))
    await clock.advance(22_500)
    await closed
    expect(telemetry.gauges.get('connections')!()).toBe(0)
  })
})

const calls: readonly [string, object, readonly Buffer[], number | string][] = [
  ['larger than allowed, by its announcement alone', {}, [prefix(70_000)], status.RESOURCE_EXHAUSTED],
  ['more than it announced', {}, [prefix(1), Buffer.from('ab')], status.INVALID_ARGUMENT],
  ['less than it announced', {}, [prefix(5), Buffer.from('ab')], status.INVALID_ARGUMENT],
  ['empty, without even a prefix', {}, [], status.INVALID_ARGUMENT],
  [
    'compressed by another name',
    { 'grpc-encoding': 'snappy' },
    [prefix(2, 1), Buffer.from('ab')],
    status.UNIMPLEMENTED,
  ],
  ['not gzip', { 'grpc-encoding': 'gzip' }, [prefix(2, 1), Buffer.from('ab')], status.INVALID_ARGUMENT],
  ['with a flag nobody knows', {}, [prefix(1, 7), Buffer.from('a')], status.INVALID_ARGUMENT],
  ['to another method', { ':path': '/a.B/C' }, [prefix(0)], status.UNIMPLEMENTED],
  ['to a name of Object', { ':path': '/__proto__' }, [prefix(0)], status.UNIMPLEMENTED],
  ['no gRPC', { 'content-type': 'application/json' }, [], 415],
  ['a GET', { ':method': 'GET' }, [], 405],
]
describe('a request that is', () => {
  for (const [name, headers, parts, answer] of calls)
    test(`${name} is told ${answer}, and others go on`, async () => {
      const { port, batches, telemetry } = await startReceiver({ max_request_size: '64KiB' })
      const session = rawClient(port)
      const { stream, ended } = call(session, headers)
      for (const part of parts) stream.write(part)
      stream.end()
      expect(await ended).toBe(String(answer))
      expect(batches).toEqual([])
      const next = call(session)
      next.stream.end(Buffer.concat([prefix(request.length), request]))
      expect(await next.ended).toBe('0')
      expect(telemetry.gauges.get('held_bytes')!()).toBe(0)
    })
})

describe('a thousand connections that say nothing, or a header a byte at a time', () => {
  const slow = async (port: number, greeting: string): Promise<Socket[]> => {
    const sockets: Socket[] = []
    for (let n = 0; n < 1000; n++) {
      const socket = connect(port, '127.0.0.1').on('error', () => {})
      socket.write(greeting)
      sockets.push(socket)
      await new Promise<void>((resolve) => {
        socket.once('connect', resolve).once('close', () => resolve())
      })
    }
    own({
      close() {
        for (const socket of sockets) socket.destroy()
      },
    })
    return sockets
  }

  test('keep no client of gRPC out', async () => {
    const { port, batches, telemetry } = await startReceiver({ max_connections: 100 })
    await slow(port, 'PRI * HTTP/2.0\r\n')
    const client = own(new OtlpClient(port))
    for (let n = 0; n < 5; n++) expect((await client.export('traces', request)).code).toBe(status.OK)
    expect(batches).toHaveLength(5)
    expect(telemetry.gauges.get('connections')!()).toBeLessThanOrEqual(100)
    expect(telemetry.counters.get('connections_refused')).toBeGreaterThanOrEqual(900)
  })

  test('keep no client of HTTP out', async () => {
    const { port, telemetry } = await startHttpReceiver({ max_connections: 100 })
    await slow(port, 'POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Le')
    const response = await fetch(`http://127.0.0.1:${port}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf' },
      body: Uint8Array.from(request),
    })
    expect(response.status).toBe(200)
    expect(telemetry.gauges.get('connections')!()).toBeLessThanOrEqual(100)
  })
})

test('connections that are all busy are not ended for a new one', async () => {
  let go: () => void = () => {}
  const gate = new Promise<void>((resolve) => {
    go = resolve
  })
  const { port, batches } = await startReceiver({ max_connections: 2 }, async () => {
    await gate
    return { kind: 'ok' }
  })
  const busy = [1, 2].map(() => own(new OtlpClient(port)).export('traces', request))
  await turnsUntil(() => batches.length === 2)
  expect((await own(new OtlpClient(port)).export('traces', request)).code).toBe(status.UNAVAILABLE)
  go()
  expect((await Promise.all(busy)).map(({ code }) => code)).toEqual([0, 0])
})

describe('a receiver that is to end', () => {
  test('does not wait for a request that comes a byte now and then', async () => {
    const { receiver, port, telemetry } = await startHttpReceiver()
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    own({ close: () => socket.destroy() })
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.resume()
    socket.write(
      'POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\nContent-Length: 9000\r\n\r\na',
    )
    await turnsUntil(() => telemetry.gauges.get('held_bytes')!() > 0)
    const drip = setInterval(() => socket.write('a'), 20)
    own({ close: () => clearInterval(drip) })
    await receiver.shutdown()
    await closed
    expect(telemetry.gauges.get('held_bytes')!()).toBe(0)
  })

  test('does not wait for a client that never begins with TLS', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'unitscope-otlp-'))
    own({ close: () => rmSync(folder, { recursive: true }) })
    const { certFile, keyFile } = makeAuthority(folder, 'ca').issue('server', ['IP:127.0.0.1'])
    const { receiver, port, telemetry } = await startHttpReceiver({ tls: { cert_file: certFile, key_file: keyFile } })
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    own({ close: () => socket.destroy() })
    socket.resume()
    await turnsUntil(() => telemetry.gauges.get('connections')!() === 1)
    await receiver.shutdown()
    expect(telemetry.gauges.get('connections')!()).toBe(0)
  })

  test('answers a request over HTTP that has come whole', async () => {
    let go: () => void = () => {}
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    const { receiver, port, batches } = await startHttpReceiver({}, async () => {
      await gate
      return { kind: 'ok' }
    })
    const answer = fetch(`http://127.0.0.1:${port}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf' },
      body: Uint8Array.from(request),
    })
    await turnsUntil(() => batches.length === 1)
    const ended = receiver.shutdown()
    go()
    expect((await answer).status).toBe(200)
    await ended
  })
})
