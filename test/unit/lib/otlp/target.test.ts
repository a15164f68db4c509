import { describe, expect, test } from 'vitest'
import { parseTarget } from '../../../../src/lib/otlp/target.js'

describe('an endpoint', () => {
  const good: readonly [string, string, 'required' | 'default' | 'off', boolean][] = [
    ['otel.example.com:4317', 'otel.example.com:4317', 'default', false],
    ['otel.example.com', 'otel.example.com:4317', 'default', false],
    ['http://otel:4317', 'otel:4317', 'off', false],
    ['http://otel:4317/', 'otel:4317', 'off', false],
    ['HTTPS://otel', 'otel:4317', 'required', false],
    ['localhost:4317', 'localhost:4317', 'off', true],
    ['127.0.0.1:4317', '127.0.0.1:4317', 'off', true],
    ['127.8.9.10:4317', '127.8.9.10:4317', 'off', true],
    ['https://localhost:4317', 'localhost:4317', 'required', true],
    ['[::1]:4317', '[::1]:4317', 'off', true],
    ['[2001:db8::1]:4317', '[2001:db8::1]:4317', 'default', false],
    // Names that only look like loopback get TLS.
    ['127.0.0.1.example.com:4317', '127.0.0.1.example.com:4317', 'default', false],
    ['localhost.example.com:4317', 'localhost.example.com:4317', 'default', false],
    ['unix:/run/otel.sock', 'unix:/run/otel.sock', 'off', true],
    ['unix:///run/otel.sock', 'unix:/run/otel.sock', 'off', true],
  ]
  for (const [endpoint, address, tls, local] of good)
    test(`${endpoint} is ${address}, TLS ${tls}`, () => {
      const path = /^unix:(.*)/.exec(address)?.[1]
      const [, host = '', port] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ?? []
      expect(parseTarget(endpoint)).toEqual(
        path === undefined
          ? { address: { host, port: Number(port) }, local, authority: address, path: '', tls }
          : { address: { path }, local, authority: 'localhost', path: '', tls },
      )
    })

  const bad: readonly [string, string][] = [
    ['', 'empty'],
    ['otel:0', 'port 0'],
    ['otel:65536', 'port 65536'],
    ['otel:99999999', 'is not host:port'],
    ['http://otel:4318/v1/traces', 'no URL path'],
    ['grpc://otel:4317', 'scheme "grpc"'],
    ['user:secret@otel:4317', 'use headers'],
    ['unix:otel.sock', 'absolute path'],
    [`unix:/${'a'.repeat(107)}`, '107 bytes'],
    ['::1:4317', 'is not host:port'],
    ['a b:4317', 'is not host:port'],
    ['x'.repeat(3000), 'too long'],
  ]
  for (const [endpoint, reason] of bad)
    test(`${endpoint.slice(0, 40)} is refused`, () => {
      const result = parseTarget(endpoint)
      expect('reason' in result && result.reason).toContain(reason)
      expect(JSON.stringify(result)).not.toContain('secret')
    })

  test.each([
    ['otel', 'otel:4318', '', 'default'],
    ['localhost', 'localhost:4318', '', 'off'],
    ['http://otel', 'otel:80', '', 'off'],
    ['https://otel.example.com/otlp/', 'otel.example.com:443', '/otlp', 'required'],
    ['https://otel:8443/a/b~%20c', 'otel:8443', '/a/b~%20c', 'required'],
    ['unix:/run/otel.sock', 'localhost', '', 'off'],
  ] as const)('over HTTP %s is %s%s, TLS %s', (endpoint, authority, path, tls) =>
    expect(parseTarget(endpoint, 'http')).toMatchObject({ authority, path, tls }),
  )

  test.each([
    ['https://otel/v1/logs', 'added by itself'],
    ['https://otel/?key=secret', 'is not'],
    ['https://otel/#secret', 'is not'],
    ['https://otel/a b', 'is not'],
  ])('over HTTP %s is refused', (endpoint, reason) => {
    const result = parseTarget(endpoint, 'http')
    expect('reason' in result ? result.reason : '').toContain(reason)
    expect(JSON.stringify(result)).not.toContain('secret')
  })
})
