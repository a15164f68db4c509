import { describe, expect, test } from 'vitest'
import { sendResultOfHttp } from '../../../../src/exporters/otlp/http-answer.js'
import { encodeMessage } from '../../../support/otlp-sink/decode.js'

const now = Date.UTC(2026, 10, 29, 21, 0, 0)
const secrets = ['Bearer sk-0123456789']

interface Answer {
  readonly status: number
  readonly type?: string
  readonly body?: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
  readonly tooLong?: boolean
}

function resultOf({ status, type, body = '', headers = {}, tooLong = false }: Answer) {
  const all = { ...headers, ...(type === undefined ? {} : { 'content-type': type }) }
  return sendResultOfHttp(
    { kind: 'answer', status, headers: all, body: Buffer.from(body), tooLong, sent: true },
    secrets,
    now,
  )
}

const proto = 'application/x-protobuf'
const json = 'application/json'
const partial = { partial_success: { rejected: 3, error_message: 'bad clock' } }
const status = (message: string, retryAfter?: number): Uint8Array =>
  encodeMessage('RpcStatus', {
    code: 8,
    message,
    details:
      retryAfter === undefined
        ? []
        : [
            {
              type_url: 'type.googleapis.com/google.rpc.RetryInfo',
              value: encodeMessage('RetryInfo', { retry_delay: { seconds: retryAfter } }),
            },
          ],
  })

describe('what is done after an answer', () => {
  const cases: readonly [string, Answer, object][] = [
    ['taken', { status: 200, type: proto }, { kind: 'delivered' }],
    ['taken, in JSON', { status: 200, type: `${json}; charset=utf-8`, body: '{}' }, { kind: 'delivered' }],
    ['taken, without a word', { status: 200 }, { kind: 'delivered' }],
    [
      'taken, by a server that says something else',
      { status: 202, type: 'text/plain', body: 'OK' },
      { kind: 'delivered' },
    ],
    ['taken, with an answer that cannot be read', { status: 200, type: json, body: '{"' }, { kind: 'delivered' }],
    [
      'taken in part',
      { status: 200, type: proto, body: encodeMessage('ExportResponse', partial) },
      { kind: 'delivered', rejected: 3, message: 'bad clock' },
    ],
    [
      'taken in part, in JSON',
      { status: 200, type: json, body: '{"partialSuccess":{"rejectedSpans":"3","errorMessage":"bad clock"}}' },
      { kind: 'delivered', rejected: 3, message: 'bad clock' },
    ],
    [
      'taken, with advice',
      { status: 200, type: json, body: '{"partialSuccess":{"errorMessage":"use sk-0123456789 less"}}' },
      { kind: 'delivered', rejected: 0, message: 'use [REDACTED] less' },
    ],
    [
      'partial success that makes no sense',
      { status: 200, type: json, body: '{"partialSuccess":{"rejectedSpans":"-3","errorMessage":7}}' },
      { kind: 'delivered' },
    ],
    [
      'a login page that says 200',
      { status: 200, type: 'text/html', body: '<html>' },
      { kind: 'permanent', reason: 'HTTP 200: a page of HTML; this is no OTLP server', anyRequest: true },
    ],
    [
      'an answer that is too long',
      { status: 200, type: proto, body: 'x', tooLong: true },
      { kind: 'permanent', reason: 'HTTP 200: an answer that is too long; this is no OTLP server', anyRequest: true },
    ],
    [
      'throttled, in seconds',
      { status: 429, type: proto, body: status('slow down'), headers: { 'retry-after': '7' } },
      { kind: 'retryable', reason: 'HTTP 429: slow down', afterMs: 7000 },
    ],
    [
      'overloaded, with a date',
      { status: 503, type: 'text/html', body: '<p>', headers: { 'retry-after': 'Sun, 29 Nov 2026 21:00:07 GMT' } },
      { kind: 'retryable', reason: 'HTTP 503: without a word', afterMs: 7000 },
    ],
    [
      'overloaded, with RetryInfo',
      { status: 503, type: proto, body: status('busy', 5) },
      { kind: 'retryable', reason: 'HTTP 503: busy', afterMs: 5000 },
    ],
    [
      'a wait of a day is ten minutes',
      { status: 503, headers: { 'retry-after': '86400' } },
      { kind: 'retryable', reason: 'HTTP 503: without a word', afterMs: 600_000 },
    ],
    [
      'a wait that cannot be read',
      { status: 503, headers: { 'retry-after': 'soon' } },
      { kind: 'retryable', reason: 'HTTP 503: without a word' },
    ],
    ['a gateway without a backend', { status: 502 }, { kind: 'retryable', reason: 'HTTP 502: without a word' }],
    ['a gateway that waited', { status: 504 }, { kind: 'retryable', reason: 'HTTP 504: without a word' }],
    [
      'bad data',
      { status: 400, type: json, body: '{"code":3,"message":"bad\\r\\ntime"}' },
      { kind: 'permanent', reason: 'HTTP 400: bad time', anyRequest: false },
    ],
    [
      'too much, which waiting does not change',
      { status: 413, headers: { 'retry-after': '1' } },
      { kind: 'permanent', reason: 'HTTP 413: without a word', anyRequest: false },
    ],
    ['a server error', { status: 500 }, { kind: 'permanent', reason: 'HTTP 500: without a word', anyRequest: false }],
    [
      'a token that has expired, quoted',
      { status: 401, type: 'text/plain', body: 'sk-0123456789 has expired' },
      { kind: 'permanent', reason: 'HTTP 401: [REDACTED] has expired', anyRequest: true },
    ],
    ...[403, 404, 405, 407, 415].map((code): [string, Answer, object] => [
      `${code}`,
      { status: code },
      { kind: 'permanent', reason: `HTTP ${code}: without a word`, anyRequest: true },
    ]),
    [
      'a redirect',
      { status: 307, headers: { location: 'https://me:pw@login.test/sk-0123456789/in?token=abc' } },
      {
        kind: 'permanent',
        reason: 'HTTP 307: a redirect to "https://login.test/[REDACTED]/in", which is not followed',
        anyRequest: true,
      },
    ],
    [
      'a page of a proxy',
      { status: 403, type: 'text/html', body: '<h1>No</h1>' },
      { kind: 'permanent', reason: 'HTTP 403: without a word', anyRequest: true },
    ],
    [
      'a text without end',
      { status: 400, type: 'text/plain', body: 'x'.repeat(5000) },
      { kind: 'permanent', reason: `HTTP 400: ${'x'.repeat(200)}`, anyRequest: false },
    ],
  ]
  for (const [name, answer, wanted] of cases) test(name, () => expect(resultOf(answer)).toEqual(wanted))
})

test.each([
  ['unavailable', 'UNAVAILABLE: gone'],
  ['timeout', 'DEADLINE_EXCEEDED: gone'],
  ['cancelled', 'CANCELLED: gone'],
] as const)('no answer (%s) is tried again', (why, reason) => {
  expect(sendResultOfHttp({ kind: 'none', why, details: 'gone' }, secrets, now)).toEqual({ kind: 'retryable', reason })
})
