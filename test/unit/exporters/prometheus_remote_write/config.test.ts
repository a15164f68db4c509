import { describe, expect, test } from 'vitest'
import { check, schema } from '../../../../src/exporters/prometheus_remote_write/config.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'

const endpoint = 'https://prometheus.example/api/v1/write'

describe('a configuration that cannot work gets a complaint', () => {
  const cases: readonly [what: string, written: Record<string, unknown>, path: readonly string[], reason: string][] = [
    ['an endpoint that is no URL', { endpoint: 'http://' }, ['endpoint'], 'not a URL'],
    ['a password in it', { endpoint: 'https://me:pw@host/write' }, ['endpoint'], 'use headers'],
    ['a fragment in it', { endpoint: 'https://host/write#a' }, ['endpoint'], 'behind #'],
    ['TLS with http', { endpoint: 'http://host/write', tls: { server_name: 'a' } }, ['tls'], 'contradicts'],
    ['a certificate without key', { tls: { cert_file: '/c.pem' } }, ['tls'], 'go together'],
    ['a header that is ours', { headers: { 'Content-Encoding': 'gzip' } }, ['headers', 'Content-Encoding'], 'itself'],
    ['a header that is none', { headers: { 'a b': 'c' } }, ['headers', 'a b'], 'not an HTTP header name'],
    ['a newline in a header', { headers: { a: 'x\r\nb: c' } }, ['headers', 'a'], 'printable ASCII'],
    [
      'a header of the text and of a file',
      { headers: { 'X-Key': 'v' }, header_files: { 'x-key': '/k' } },
      ['header_files', 'x-key'],
      'is in headers, too',
    ],
    ['a header of two files', { header_files: { 'X-Key': '/k', 'x-key': '/l' } }, ['header_files', 'x-key'], 'twice'],
    ['a file for a header that is ours', { header_files: { Host: '/k' } }, ['header_files', 'Host'], 'itself'],
    [
      'two authorizations',
      { headers: { Authorization: 'x' }, bearer_token_file: '/t' },
      ['bearer_token_file'],
      'there is one',
    ],
    ['a label that is none', { external_labels: { 'a.b': 'c' } }, ['external_labels', 'a.b'], 'not a label name'],
    [
      'a label of Prometheus',
      { external_labels: { __name__: 'c' } },
      ['external_labels', '__name__'],
      'not a label name',
    ],
    ['series that end at once', { metric_expiration: '10s' }, ['metric_expiration'], 'at least 2m'],
    [
      'a queue that stops for too long',
      { sending_queue: { shutdown_timeout: '7s' } },
      ['sending_queue', 'shutdown_timeout'],
      'at most 6s',
    ],
  ]
  test.each(cases)('%s', (_, written, path, reason) => {
    const complaints = check(createTestConfig(schema, { endpoint, ...written }))
    expect(complaints).toMatchObject([{ path, reason: expect.stringContaining(reason) }])
  })

  test('what the README shows gets none', () => {
    const headers = { Authorization: 'Bearer x', 'X-Scope-OrgID': 'team' }
    expect(check(createTestConfig(schema, { endpoint, headers }))).toEqual([])
  })

  test('the order of samples is not up for configuration', () => {
    expect(Object.keys(schema.properties.sending_queue.properties)).not.toContain('concurrency')
  })
})
