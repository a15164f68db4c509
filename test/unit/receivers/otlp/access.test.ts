import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { sampleSpan } from '../../../../src/testkit/sample.js'
import { OtlpClient } from '../../../support/otlp-client.js'
import { cleanUp, own, requestOf, startHttpReceiver, startReceiver, status } from './rig.js'

afterEach(cleanUp)
const folder = mkdtempSync(join(tmpdir(), 'unitscope-token-'))
afterAll(() => rmSync(folder, { recursive: true }))
const tokenFile = join(folder, 'token')
writeFileSync(tokenFile, 'correct-horse\n', { mode: 0o600 })

const request = requestOf({ spans: [sampleSpan()] })
const tries: readonly [string, Readonly<Record<string, string>>, boolean][] = [
  ['the token', { authorization: 'Bearer correct-horse' }, true],
  ['none', {}, false],
  ['an empty one', { authorization: '' }, false],
  ['no word', { authorization: 'Bearer' }, false],
  ['another', { authorization: 'Bearer wrong-horse!' }, false],
  ['the beginning of it', { authorization: 'Bearer correct' }, false],
  ['more than it', { authorization: 'Bearer correct-horse2' }, false],
  ['it without its scheme', { authorization: 'correct-horse' }, false],
  ['it twice', { authorization: 'Bearer correct-horse, Bearer correct-horse' }, false],
]

describe('a request that shows', () => {
  for (const [name, headers, may] of tries)
    test(`${name} is ${may ? 'taken' : 'refused, and nothing of it read'}`, async () => {
      const grpc = await startReceiver({ token_file: tokenFile })
      const answer = await own(new OtlpClient(grpc.port)).export('traces', request, headers)
      expect(answer.code).toBe(may ? status.OK : status.UNAUTHENTICATED)
      const http = await startHttpReceiver({ token_file: tokenFile })
      const response = await fetch(`http://127.0.0.1:${http.port}/v1/traces`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-protobuf', ...headers },
        body: Uint8Array.from(request),
      })
      expect(response.status).toBe(may ? 200 : 401)
      expect([grpc.batches.length, http.batches.length]).toEqual(may ? [1, 1] : [0, 0])
    })
})

const send = (port: number, headers: Readonly<Record<string, string>>) =>
  fetch(`http://127.0.0.1:${port}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf', ...headers },
    body: Uint8Array.from(request),
  })

test('whose records are is kept with them: only the headers named', async () => {
  const { port, batches } = await startReceiver({ include_metadata: ['x-scope-orgid', 'x-team'] })
  const client = own(new OtlpClient(port))
  await client.export('traces', request, { 'x-scope-orgid': 'a', 'x-secret': 'b' })
  await client.export('traces', request, { 'x-scope-orgid': 'b', 'x-team': 't'.repeat(256) })
  await client.export('traces', request)
  expect(batches.map(({ spans }) => spans[0]!.resource.origin?.metadata)).toEqual([
    { 'x-scope-orgid': 'a' },
    { 'x-scope-orgid': 'b', 'x-team': 't'.repeat(256) },
    undefined,
  ])
})

test.each([
  ['too long', 't'.repeat(257)],
  ['not of ASCII', 'caf\u00e9'],
  ['empty', ''],
  ['there twice, as node:http and node:http2 join it', 'a, b'],
])(
  'a name of whose the records are that is %s: the request is refused and counted, not taken as nobody\u2019s',
  async (_what, value) => {
    const include_metadata = ['x-team', 'x-scope-orgid']
    const http = await startHttpReceiver({ include_metadata })
    const response = await send(http.port, { 'x-team': 'a', 'x-scope-orgid': value })
    expect([response.status, await response.text()]).toEqual([
      400,
      expect.stringContaining('x-scope-orgid is not one name'),
    ])
    const grpc = await startReceiver({ include_metadata })
    const answers = [http]
    // grpc-js sends no such value itself.
    if (value !== 'caf\u00e9') {
      const answer = await own(new OtlpClient(grpc.port)).export('traces', request, {
        'x-team': 'a',
        'x-scope-orgid': value,
      })
      expect(answer.code).toBe(status.INVALID_ARGUMENT)
      answers.push(grpc)
    }
    for (const { batches, telemetry } of answers)
      expect([batches, telemetry.counters.get('requests_refused')]).toEqual([[], 1])
  },
)
