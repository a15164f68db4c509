import { gunzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { cleanUp, pageOf, serve, statusOf, talk, text } from './serve.js'

afterEach(cleanUp)

describe('a request', () => {
  const host = 'Host: localhost'
  const cases: readonly [string, string, number][] = [
    ['for the page', `GET /metrics HTTP/1.1\r\n${host}\r\n\r\n`, 200],
    ['for the page with a query', `GET /metrics?x=1 HTTP/1.1\r\n${host}\r\n\r\n`, 200],
    ['HEAD', `HEAD /metrics HTTP/1.1\r\n${host}\r\n\r\n`, 200],
    ['by HTTP/1.0', `GET /metrics HTTP/1.0\r\n${host}\r\n\r\n`, 200],
    ['for another path', `GET / HTTP/1.1\r\n${host}\r\n\r\n`, 404],
    ['with ..', `GET /x/../metrics HTTP/1.1\r\n${host}\r\n\r\n`, 404],
    ['with /../', `GET /../metrics HTTP/1.1\r\n${host}\r\n\r\n`, 404],
    ['with //', `GET //metrics HTTP/1.1\r\n${host}\r\n\r\n`, 404],
    ['with %00', `GET /metrics%00 HTTP/1.1\r\n${host}\r\n\r\n`, 404],
    ['with an encoded path', `GET /%6detrics HTTP/1.1\r\n${host}\r\n\r\n`, 404],
    ['in absolute form', `GET http://localhost/metrics HTTP/1.1\r\n${host}\r\n\r\n`, 404],
    ['POST', `POST /metrics HTTP/1.1\r\n${host}\r\nContent-Length: 0\r\n\r\n`, 405],
    ['DELETE', `DELETE /metrics HTTP/1.1\r\n${host}\r\n\r\n`, 405],
    ['with an unknown method', `BREW /metrics HTTP/1.1\r\n${host}\r\n\r\n`, 400],
    ['with a body', `GET /metrics HTTP/1.1\r\n${host}\r\nContent-Length: 3\r\n\r\nabc`, 400],
    ['with a chunked body', `GET /metrics HTTP/1.1\r\n${host}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    [
      'with length and encoding both',
      `GET /metrics HTTP/1.1\r\n${host}\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    ['with two lengths', `GET /metrics HTTP/1.1\r\n${host}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na`, 400],
    ['without Host', 'GET /metrics HTTP/1.1\r\n\r\n', 400],
    ['of a rebound name', 'GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n', 421],
    ['of a name that begins like loopback', 'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n', 421],
    ['of ::1 with a port', 'GET /metrics HTTP/1.1\r\nHost: [::1]:9464\r\n\r\n', 200],
    ['of an allowed name', 'GET /metrics HTTP/1.1\r\nHost: NODE1.example:9464\r\n\r\n', 200],
    ['with a header of 20 KB', `GET /metrics HTTP/1.1\r\n${host}\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
    ['that is not HTTP', '\u0016\u0003\u0001\u0002\r\n\r\n', 400],
  ]
  for (const [name, raw, status] of cases)
    test(`${name} is answered ${status}`, async () => {
      const { port } = await serve()
      expect(statusOf(await talk(port, raw))).toBe(status)
    })
})

test('HEAD and errors to HEAD carry no body', async () => {
  const { port } = await serve()
  expect(await talk(port, 'HEAD /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n')).toMatch(/\r\n\r\n$/)
  expect(await talk(port, 'HEAD /x HTTP/1.0\r\nHost: localhost\r\n\r\n')).toMatch(/\r\n\r\n$/)
})

test('the format follows Accept, and gzip Accept-Encoding', async () => {
  const { port } = await serve({ zips: () => true })
  const url = `http://127.0.0.1:${port}/metrics`
  const plain = await fetch(url, { headers: { 'accept-encoding': 'identity' } })
  expect(plain.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(await plain.text()).toBe(text)
  // What Prometheus 2.42 sends.
  const accept =
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
  const open = await fetch(url, { headers: { accept } })
  expect(open.headers.get('content-type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
  for (const [encoding, zipped] of [
    ['gzip', true],
    ['br, gzip;q=0.8', true],
    ['gzip;q=0', false],
    ['br', false],
  ] as const) {
    const raw = await talk(port, `GET /metrics HTTP/1.0\r\nHost: localhost\r\nAccept-Encoding: ${encoding}\r\n\r\n`)
    expect(raw.includes('Content-Encoding: gzip'), encoding).toBe(zipped)
    if (zipped) expect(gunzipSync(Buffer.from(raw.slice(raw.indexOf('\r\n\r\n') + 4), 'latin1')).toString()).toBe(text)
  }
})

test.each([['127.0.0.1'], ['::']])(
  'a scraper on this machine is not sent gzip, which both would pay for: %s',
  async (host) => {
    const { port } = await serve({ address: { host, port: 0, loopback: host !== '::' }, allowedHosts: ['localhost'] })
    const raw = await talk(port, 'GET /metrics HTTP/1.0\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n')
    expect(raw).not.toContain('Content-Encoding')
    expect(raw).toContain(`Content-Length: ${text.length}\r\n`)
  },
)

test('a page that cannot be made is answered 500, and the next one is served', async () => {
  let maxBytes = text.length - 1
  const failures: unknown[] = []
  const { port } = await serve({ page: () => pageOf(text, maxBytes), onFailure: (error) => failures.push(error) })
  const url = `http://127.0.0.1:${port}/metrics`
  expect((await fetch(url)).status).toBe(500)
  expect(failures.map(String)).toEqual([expect.stringMatching(/^Error: it would be larger than /)])
  maxBytes++
  expect((await fetch(url)).status).toBe(200)
})
