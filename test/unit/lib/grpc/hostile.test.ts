import { constants, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import type { Answer } from '../../../../src/lib/grpc/call.js'
import { cleanUp, clientOf, hello, message, method, never, reply, startHttp2, startTcp } from './servers.js'

// What is no gRPC server, or a broken one: each call ends with a status that says what was seen, and the client goes on.

afterEach(cleanUp)

const ok = { 'grpc-status': '0' }

// Types of frames of HTTP/2 (RFC 9113, section 6).
const [kHeaders, kRstStream, kSettings, kGoaway] = [1, 3, 4, 7]

/** `:status: 200` and `content-type: application/grpc` in HPACK (RFC 7541: 8 and 31 of the static table). */
const ok200 = [0x88, 0x0f, 0x10, 16, ...Buffer.from('application/grpc')]

function frame(type: number, stream: number, ...payload: number[]): Buffer {
  const endHeaders = type === kHeaders ? 4 : 0
  return Buffer.from([0, 0, payload.length, type, endHeaders, 0, 0, 0, stream, ...payload])
}

/** The status, whether it was cut, and what is said of it. */
function check(answer: Answer, wanted: string, said: RegExp): void {
  const { name, cut, details } = answer.status
  expect(`${name}${cut ? ', cut' : ''}`).toBe(wanted)
  expect(details).toMatch(said)
  expect(answer.message).toBeUndefined()
}

describe('an answer that is not what gRPC makes', () => {
  const cases: readonly [string, (stream: ServerHttp2Stream) => void, string, RegExp][] = [
    ['no message', (s) => reply(s, Buffer.alloc(0), ok), 'UNIMPLEMENTED', /no message/],
    [
      'two messages',
      (s) => reply(s, Buffer.concat([message(hello), message(hello)]), ok),
      'UNIMPLEMENTED',
      /more than one message/,
    ],
    ['three bytes', (s) => reply(s, Buffer.alloc(3), ok), 'INTERNAL', /3 bytes are no message/],
    ['half a message', (s) => reply(s, message(hello, 0, 9), ok), 'INTERNAL', /14 bytes ends after 10/],
    ['a length of 4 GiB', (s) => reply(s, message(hello, 0, 2 ** 32 - 1), ok), 'RESOURCE_EXHAUSTED', /4294967295/],
    ['more than is taken', (s) => reply(s, message(Buffer.alloc(1001)), ok), 'RESOURCE_EXHAUSTED', /1001 .* than 1000/],
    [
      'one small message and no end',
      (s) => reply(s, Buffer.concat([message(hello), Buffer.alloc(5000)]), ok),
      'RESOURCE_EXHAUSTED',
      /more than 1000/,
    ],
    ['compressed, with no encoding', (s) => reply(s, message(gzipSync(hello), 1), ok), 'INTERNAL', /grpc-encoding ""/],
    [
      'compressed with what we do not know',
      (s) => reply(s, message(hello, 1), ok, { 'grpc-encoding': 'snappy' }),
      'INTERNAL',
      /grpc-encoding "snappy"/,
    ],
    ['gzip that is none', (s) => reply(s, message(hello, 1), ok, { 'grpc-encoding': 'gzip' }), 'INTERNAL', /gzip/],
    [
      'gzip that is far more than it looks',
      (s) => reply(s, message(gzipSync(Buffer.alloc(100_000)), 1), ok, { 'grpc-encoding': 'gzip' }),
      'INTERNAL',
      /gzip/,
    ],
    ['a flag nobody knows', (s) => reply(s, message(hello, 7), ok), 'INTERNAL', /flag 7/],
    ['a code nobody knows', (s) => reply(s, message(hello), { 'grpc-status': '99' }), 'UNKNOWN', /^grpc-status 99/],
    [
      'a code that is no number',
      (s) => reply(s, message(hello), { 'grpc-status': 'OK' }),
      'UNKNOWN',
      /^grpc-status OK/,
    ],
    ['a negative code', (s) => reply(s, message(hello), { 'grpc-status': '-1' }), 'UNKNOWN', /^grpc-status -1/],
    ['trailers without a status', (s) => reply(s, message(hello), { a: 'b' }), 'INTERNAL, cut', /NO_ERROR/],
  ]
  for (const [name, answer, wanted, said] of cases)
    test(`${name}: ${wanted}`, async () => {
      const server = await startHttp2(answer)
      const { client } = clientOf(server.port)
      check(await client.unary(method, [hello], never), wanted, said)
      expect(server.sessions).toHaveLength(1)
    })
})

describe('an answer of a web server', () => {
  const cases: readonly [number, string, string][] = [
    [400, 'text/html', 'INTERNAL'],
    [401, 'text/html', 'UNAUTHENTICATED'],
    [403, 'text/html', 'PERMISSION_DENIED'],
    [404, 'text/html', 'UNIMPLEMENTED'],
    [429, 'text/html', 'UNAVAILABLE'],
    [500, 'application/grpc', 'UNKNOWN'],
    [502, 'text/html', 'UNAVAILABLE'],
    [503, 'text/html', 'UNAVAILABLE'],
    [504, 'application/json', 'UNAVAILABLE'],
    [200, 'text/html', 'UNKNOWN'],
  ]
  for (const [http, type, wanted] of cases)
    for (const page of ['', '<html>'.repeat(1000)])
      test(`${http} ${type} with ${page.length} bytes: ${wanted}`, async () => {
        const server = await startHttp2((stream) => {
          stream.respond({ ':status': http, 'content-type': type })
          stream.end(page)
        })
        check(await clientOf(server.port).client.unary(method, [hello], never), wanted, new RegExp(`code ${http}`))
      })

  test('gRPC’s own status rules, whatever the page is', async () => {
    const server = await startHttp2((stream) => {
      stream.respond({ ':status': 503, 'content-type': 'text/html', 'grpc-status': '16', 'grpc-message': 'a%20b%' })
      stream.end('<html>')
    })
    check(await clientOf(server.port).client.unary(method, [hello], never), 'UNAUTHENTICATED', /^a%20b%$/)
  })
})

describe('a stream that is reset', () => {
  const cases: readonly [keyof typeof constants, string][] = [
    ['NGHTTP2_NO_ERROR', 'INTERNAL, cut'],
    ['NGHTTP2_PROTOCOL_ERROR', 'INTERNAL, cut'],
    ['NGHTTP2_INTERNAL_ERROR', 'INTERNAL, cut'],
    ['NGHTTP2_FLOW_CONTROL_ERROR', 'INTERNAL, cut'],
    ['NGHTTP2_REFUSED_STREAM', 'UNAVAILABLE, cut'],
    ['NGHTTP2_CANCEL', 'CANCELLED, cut'],
    ['NGHTTP2_ENHANCE_YOUR_CALM', 'RESOURCE_EXHAUSTED, cut'],
    ['NGHTTP2_INADEQUATE_SECURITY', 'PERMISSION_DENIED'],
  ]
  for (const [reset, wanted] of cases)
    for (const begun of [false, true])
      test(`with ${reset} ${begun ? 'amid an answer' : 'before any'}: ${wanted}`, async () => {
        const code = constants[reset] as number
        const rest = frame(kRstStream, 1, 0, 0, 0, code)
        const begin = begun ? [frame(kHeaders, 1, ...ok200)] : []
        const server = await startTcp((socket) => {
          socket.write(frame(kSettings, 0))
          // The client's first bytes are its preface and settings; then the request comes, as stream 1.
          socket.on('data', () => socket.bytesRead > 100 && socket.write(Buffer.concat([...begin, rest])))
        })
        check(
          await clientOf(server.port).client.unary(method, [hello], never),
          wanted,
          new RegExp(`with code ${code} `),
        )
      })
})

describe('a peer that is lost, or was never there', () => {
  const settings = frame(kSettings, 0)
  const cases: readonly [string, (socket: Socket) => void, RegExp][] = [
    ['hangs up at once', (socket) => void socket.end(), /hung up/],
    ['resets the connection', (socket) => void socket.resetAndDestroy(), /hung up|ECONNRESET/],
    ['speaks HTTP/1.1', (socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'), /Protocol error/],
    ['sends zeroes', (socket) => void socket.write(Buffer.alloc(1000)), /rotocol error|hung up/],
    ['sends a frame of 16 MiB', (socket) => void socket.write(Buffer.alloc(9, 255)), /rror|hung up/],
    [
      'says GOAWAY after its settings',
      (socket) => void socket.write(Buffer.concat([settings, frame(kGoaway, 0, 0, 0, 0, 0, 0, 0, 0, 11)])),
      /code 11|connection/,
    ],
    [
      'hangs up amid the call',
      (socket) => socket.write(settings) && socket.on('data', () => socket.end()),
      /connection/,
    ],
  ]
  for (const [name, greet, said] of cases)
    test(`${name}: UNAVAILABLE, and the next call tries anew`, async () => {
      const server = await startTcp(greet)
      const { client } = clientOf(server.port)
      for (let tries = 1; tries <= 2; tries++) {
        check(await client.unary(method, [hello], never), 'UNAVAILABLE, cut', said)
        expect(server.sockets).toHaveLength(tries)
      }
    })

  test('refuses the connection: UNAVAILABLE with the reason', async () => {
    // tcpmux, of which there is none: a port that was closed a moment ago may be somebody's by now.
    check(await clientOf(1).client.unary(method, [hello], never), 'UNAVAILABLE, cut', /ECONNREFUSED/)
  })

  test('connects and says nothing: calls end in time and share the attempt, which ends after 20 s', async () => {
    const server = await startTcp(() => {})
    const { client, clock } = clientOf(server.port, { timeoutMs: 9000 })
    for (const [tries, wanted, said] of [
      [1, 'DEADLINE_EXCEEDED', /no answer in 9000 ms/],
      [1, 'DEADLINE_EXCEEDED', /no answer in 9000 ms/],
      [1, 'UNAVAILABLE, cut', /not connected in 20000 ms/],
      [2, 'DEADLINE_EXCEEDED', /no answer in 9000 ms/],
    ] as const) {
      const call = client.unary(method, [hello], never)
      while (server.sockets.length < tries) await new Promise((resolve) => setImmediate(resolve))
      await clock.advance(9000)
      check(await call, wanted, said)
      expect(server.sockets).toHaveLength(tries)
    }
  })
})
