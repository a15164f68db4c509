import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { proxyFor } from '../../../../src/lib/grpc/proxy.js'
import { cleanUp, clientOf, hello, message, method, never, own, reply, startHttp2 } from './servers.js'

afterEach(() => {
  vi.unstubAllEnvs()
  cleanUp()
})

const proxy = { host: 'proxy', port: 3128 }
const url = 'http://proxy:3128'

test.each<[string, string, object, object | undefined]>([
  ['nothing is set', 'otel', {}, undefined],
  ['https_proxy', 'otel', { https_proxy: url }, proxy],
  ['http_proxy', 'otel', { http_proxy: url }, proxy],
  ['grpc_proxy comes first', 'otel', { grpc_proxy: url, https_proxy: 'http://other' }, proxy],
  ['port 80 unless told', 'otel', { https_proxy: 'http://proxy' }, { host: 'proxy', port: 80 }],
  ['an IPv6 proxy', 'otel', { https_proxy: 'http://[::1]:8080' }, { host: '::1', port: 8080 }],
  ['credentials', 'otel', { https_proxy: 'http://me:p%40ss@proxy:3128' }, { ...proxy, credentials: 'me:p@ss' }],
  ['no_proxy: the name', 'otel.test', { https_proxy: url, no_proxy: 'a, otel.test' }, undefined],
  ['no_proxy: a domain above', 'otel.test', { https_proxy: url, no_proxy: '.test' }, undefined],
  ['no_proxy: a domain above, without a dot', 'a.otel.test', { https_proxy: url, no_proxy: 'otel.test' }, undefined],
  ['no_proxy: not what only ends alike', 'hotel.test', { https_proxy: url, no_proxy: 'otel.test' }, proxy],
  ['no_proxy: all', 'otel', { https_proxy: url, no_proxy: '*' }, undefined],
  ['no_proxy: a subnet', '10.1.2.3', { https_proxy: url, no_proxy: '10.0.0.0/8' }, undefined],
  ['no_proxy: another subnet', '11.1.2.3', { https_proxy: url, no_proxy: '10.0.0.0/8,x/8,10.0.0.0/99' }, proxy],
  ['no_grpc_proxy comes first', 'otel', { https_proxy: url, no_grpc_proxy: 'x', no_proxy: 'otel' }, proxy],
])('the proxy of the environment: %s', (_, host, env, wanted) => expect(proxyFor(host, env as never)).toEqual(wanted))

test.each(['socks5://me:secret@proxy', 'proxy:3128', '::'])('%s is refused without being told', (value) => {
  expect(() => proxyFor('otel', { https_proxy: value })).toThrow(/^the variable https_proxy is not an http:\/\/ URL$/)
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
    vi.stubEnv('https_proxy', `http://me:pw@127.0.0.1:${proxyPort}`)
    const server = await startHttp2((stream) => reply(stream, message(hello), { 'grpc-status': '0' }))
    const { client } = clientOf(server.port, { address: { host: '127.0.0.1', port: server.port, local: false } })
    expect((await client.unary(method, [hello], never)).status.name).toBe('OK')
    expect(asked).toEqual([`127.0.0.1:${server.port}`, `Basic ${Buffer.from('me:pw').toString('base64')}`])
  })

  test('that does not let it through is UNAVAILABLE, and says so', async () => {
    const { port } = await startProxy(407)
    vi.stubEnv('https_proxy', `http://me:pw@127.0.0.1:${port}`)
    const { client } = clientOf(1, { address: { host: 'otel.test', port: 4317, local: false } })
    const details = `no connection: the proxy 127.0.0.1:${port} answers 407 to CONNECT otel.test:4317`
    expect((await client.unary(method, [hello], never)).status).toEqual({ name: 'UNAVAILABLE', details, cut: true })
  })

  test('is not made to this machine', async () => {
    const { port, asked } = await startProxy(407)
    vi.stubEnv('https_proxy', `http://127.0.0.1:${port}`)
    const server = await startHttp2((stream) => reply(stream, message(hello), { 'grpc-status': '0' }))
    expect((await clientOf(server.port).client.unary(method, [hello], never)).status.name).toBe('OK')
    expect(asked).toEqual([])
  })
})
