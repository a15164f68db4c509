import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { parseProxy } from '../../../../src/lib/sockets/proxy.js'
import { cleanUp, clientOf, hello, message, method, never, own, reply, startHttp2 } from './servers.js'

afterEach(() => {
  vi.unstubAllEnvs()
  cleanUp()
})

test.each<[string, string, object]>([
  ['host and port', 'http://proxy:3128', { host: 'proxy', port: 3128 }],
  ['port 80 unless told', 'http://proxy', { host: 'proxy', port: 80 }],
  ['IPv6', 'http://[::1]:8080/', { host: '::1', port: 8080 }],
  ['credentials', 'http://me:p%40ss@proxy:3128', { host: 'proxy', port: 3128, credentials: 'me:p@ss' }],
])('a proxy: %s', (_, text, wanted) => expect(parseProxy(text)).toEqual(wanted))

test.each([
  'socks5://me:secret@proxy',
  'https://me:secret@proxy',
  'proxy:3128',
  '::',
  'http://me:secret@proxy/path',
  'http://me:secret%@proxy',
])('%s is refused without being told', (text) => {
  const { reason } = parseProxy(text) as { reason: string }
  expect(reason).toMatch(/^(is not|has)/)
  expect(reason).not.toMatch(/secret|proxy\b(?!:)/)
})

describe('a call by way of a proxy', () => {
  async function startProxy(answer: number): Promise<{ port: number; asked: (string | undefined)[] }> {
    const asked: (string | undefined)[] = []
    const server = createServer().on('connect', ({ url: target, headers }, client) => {
      asked.push(target, headers['proxy-authorization'])
      client.on('error', () => {})
      if (answer !== 200) return void client.end(`HTTP/1.1 ${answer} No\r\n\r\n`)
      const [, host, port] = /^(.*):(\d+)$/.exec(target!)!
      const upstream = connect(Number(port), host).on('error', () => client.destroy())
      client.write('HTTP/1.1 200 OK\r\n\r\n')
      client.pipe(upstream).pipe(client)
      client.on('close', () => upstream.destroy())
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    own(() => void server.close())
    return { port: (server.address() as AddressInfo).port, asked }
  }

  test('is answered', async () => {
    const { port: proxyPort, asked } = await startProxy(200)
    const proxy = { host: '127.0.0.1', port: proxyPort, credentials: 'me:pw' }
    const server = await startHttp2((stream) => reply(stream, message(hello), { 'grpc-status': '0' }))
    const { client } = clientOf(server.port, { proxy })
    expect((await client.unary(method, [hello], never)).status.name).toBe('OK')
    expect(asked).toEqual([`127.0.0.1:${server.port}`, `Basic ${Buffer.from('me:pw').toString('base64')}`])
  })

  test('that does not let it through is UNAVAILABLE, and says so', async () => {
    const { port } = await startProxy(407)
    const proxy = { host: '127.0.0.1', port, credentials: 'me:pw' }
    const { client } = clientOf(1, { address: { host: 'otel.test', port: 4317 }, proxy })
    const details = `no connection: the proxy 127.0.0.1:${port} answers 407 to CONNECT otel.test:4317`
    expect((await client.unary(method, [hello], never)).status).toEqual({ name: 'UNAVAILABLE', details, cut: true })
  })

  test('is not made unless a proxy was given, whatever the environment says', async () => {
    const { port, asked } = await startProxy(407)
    vi.stubEnv('https_proxy', `http://127.0.0.1:${port}`)
    const server = await startHttp2((stream) => reply(stream, message(hello), { 'grpc-status': '0' }))
    expect((await clientOf(server.port).client.unary(method, [hello], never)).status.name).toBe('OK')
    expect(asked).toEqual([])
  })
})
