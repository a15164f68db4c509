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

test('whose records are is kept with them: only the headers named, and only what is a name', async () => {
  const { port, batches } = await startReceiver({ include_metadata: ['x-scope-orgid', 'x-team'] })
  const client = own(new OtlpClient(port))
  await client.export('traces', request, { 'x-scope-orgid': 'a', 'x-secret': 'b' })
  await client.export('traces', request, { 'x-scope-orgid': 'b', 'x-team': 't'.repeat(300) })
  await client.export('traces', request)
  expect(batches.map(({ spans }) => spans[0]!.resource.origin?.metadata)).toEqual([
    { 'x-scope-orgid': 'a' },
    { 'x-scope-orgid': 'b' },
    undefined,
  ])
})
