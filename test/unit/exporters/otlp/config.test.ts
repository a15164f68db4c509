import { describe, expect, test } from 'vitest'
import { check } from '../../../../src/exporters/otlp/check.js'
import type { Config } from '../../../../src/exporters/otlp/config.js'
import { kFlushMs } from '../../../../src/graph/graph.js'
import { kMaxShutdownMs } from '../../../../src/lib/delivery/config.js'
import { kShutdownDeadlineMs } from '../../../../src/service/supervise.js'
import { config } from './test-config.js'

describe('a configuration that cannot work gets a complaint', () => {
  const cases: readonly [string, Partial<Config>, readonly (string | number)[], string][] = [
    ['a path in the endpoint', { endpoint: 'http://otel:4318/v1/logs' }, ['endpoint'], 'OTLP/gRPC has no URL path'],
    ['port 0', { endpoint: 'otel:0' }, ['endpoint'], 'port 0'],
    ['port 65536', { endpoint: 'otel:65536' }, ['endpoint'], 'port 65536'],
    ['a password in the endpoint', { endpoint: 'http://user:pw@otel:4317' }, ['endpoint'], 'use headers'],
    ['an unknown scheme', { endpoint: 'grpc://otel:4317' }, ['endpoint'], 'scheme "grpc"'],
    ['a relative socket', { endpoint: 'unix:otel.sock' }, ['endpoint'], 'absolute path'],
    ['https with insecure', { endpoint: 'https://otel', tls: { insecure: true } }, ['tls', 'insecure'], 'contradicts'],
    ['a certificate without key', { tls: { cert_file: '/c.pem' } }, ['tls'], 'go together'],
    ['an upper-case header', { headers: { 'X-Key': 'v' } }, ['headers', 'X-Key'], 'lower case'],
    ...[
      ...['connection', 'content-length', 'content-type', 'host', 'http2-settings', 'keep-alive'],
      ...['proxy-connection', 'te', 'transfer-encoding', 'upgrade', 'user-agent'],
    ].map((name): [string, Partial<Config>, readonly string[], string] => [
      `the header ${name}`,
      { headers: { [name]: 'v' } },
      ['headers', name],
      'set by gRPC or HTTP/2 itself',
    ]),
    ['endpoint beside endpoints', { endpoints: ['otel:4317'] }, ['endpoints'], 'write all servers into endpoints'],
    [
      'an endpoint twice',
      { endpoint: undefined, endpoints: ['otel', 'otel:4317'] } as never,
      ['endpoints', 1],
      'is in the list twice',
    ],
    [
      'one of several that is none',
      { endpoint: undefined, endpoints: ['otel', 'otel:0'] } as never,
      ['endpoints', 1],
      'port 0',
    ],
    ['no endpoint', { endpoint: undefined } as never, ['endpoint'], 'is missing'],
    ['JSON over gRPC', { encoding: 'json' }, ['encoding'], 'add protocol: http'],
    [
      'the path of one signal',
      { protocol: 'http', endpoint: 'https://otel/v1/traces' },
      ['endpoint'],
      'is added by itself',
    ],
    ['a proxy that is none', { proxy_url: 'socks5://SECRET@proxy' }, ['proxy_url'], 'is not an http:// URL'],
    [
      'a header of the text and of a file',
      { headers: { key: 'v' }, header_files: { key: '/k' } },
      ['header_files', 'key'],
      'is in headers, too',
    ],
    [
      'two authorizations',
      { headers: { authorization: 'x' }, bearer_token_file: '/t' },
      ['bearer_token_file'],
      'there is one',
    ],
    ['a header value that is too long', { headers: { key: 'x'.repeat(8193) } }, ['headers', 'key'], 'more than 8192'],
    ['a grpc- header', { headers: { 'grpc-timeout': '1S' } }, ['headers', 'grpc-timeout'], 'not grpc-*'],
    ['a newline in a header value', { headers: { key: 'a\nSECRET' } }, ['headers', 'key'], 'outside printable ASCII'],
    [
      'a queue that stops for longer than the agent does',
      { sending_queue: { ...config('').sending_queue, shutdown_timeout: 6001 } },
      ['sending_queue', 'shutdown_timeout'],
      'at most 6s',
    ],
  ]
  test('6s of shutdown_timeout leave the agent a second of its 10 s', () => {
    const sending_queue = { ...config('').sending_queue, shutdown_timeout: 6000 }
    expect(check({ ...config('127.0.0.1:4317'), sending_queue })).toEqual([])
    expect(2 * kFlushMs + kMaxShutdownMs).toBeLessThanOrEqual(kShutdownDeadlineMs - 1000)
  })
  for (const [name, part, path, reason] of cases)
    test(name, () => {
      const complaints = check({ ...config('127.0.0.1:4317'), ...part })
      expect(complaints).toHaveLength(1)
      expect(complaints[0]!.path).toEqual(path)
      expect(complaints[0]!.reason).toContain(reason)
      expect(complaints[0]!.reason).not.toContain('SECRET')
    })
})
