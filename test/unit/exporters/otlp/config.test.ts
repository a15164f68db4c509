import { describe, expect, test } from 'vitest'
import { type Config, check } from '../../../../src/exporters/otlp/config.js'
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
