import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { credentials } from '@grpc/grpc-js'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { sampleSpan } from '../../../../src/testkit/sample.js'
import { OtlpClient } from '../../../support/otlp-client.js'
import { type KeyPair, makeAuthority } from '../../../support/tls-files.js'
import { cleanUp, own, requestOf, startHttpReceiver, startReceiver, status } from './rig.js'

afterEach(cleanUp)
const folder = mkdtempSync(join(tmpdir(), 'unitscope-tls-'))
afterAll(() => rmSync(folder, { recursive: true }))

const ours = makeAuthority(folder, 'ours')
const others = makeAuthority(folder, 'others')
const names = ['DNS:localhost', 'IP:127.0.0.1']
const server = ours.issue('server', names)
const agent = ours.issue('agent', names)
const stranger = others.issue('stranger', names)
const tls = { cert_file: server.certFile, key_file: server.keyFile }
const request = requestOf({ spans: [sampleSpan()] })

function secure(pair?: KeyPair) {
  const [ca, key, cert] = [ours.caFile, pair?.keyFile, pair?.certFile].map((file) =>
    file === undefined ? null : readFileSync(file),
  )
  return credentials.createSsl(ca!, key!, cert!)
}

/** The status, or why there is none. */
function post(port: number, pair?: KeyPair): Promise<number | string> {
  return new Promise((resolve) => {
    const [ca, key, cert] = [ours.caFile, pair?.keyFile, pair?.certFile].map((file) => file && readFileSync(file))
    httpsRequest(
      {
        ...{ host: '127.0.0.1', port, path: '/v1/traces', method: 'POST', ca, agent: false },
        ...(key === undefined ? {} : { key, cert }),
        headers: { 'content-type': 'application/x-protobuf', 'content-length': request.length },
      },
      (response) => {
        response.resume()
        resolve(response.statusCode!)
      },
    )
      .on('error', () => resolve('refused'))
      .end(request)
  })
}

describe('with TLS', () => {
  test('who trusts the authority delivers; who speaks plain text does not', async () => {
    const grpc = await startReceiver({ tls })
    expect((await own(new OtlpClient(grpc.port, {}, secure())).export('traces', request)).code).toBe(status.OK)
    expect((await own(new OtlpClient(grpc.port)).export('traces', request)).code).toBe(status.UNAVAILABLE)
    const http = await startHttpReceiver({ tls })
    expect(await post(http.port)).toBe(200)
    await expect(fetch(`http://127.0.0.1:${http.port}/v1/traces`, { method: 'POST', body: 'x' })).rejects.toThrow()
    expect([grpc.batches.length, http.batches.length]).toEqual([1, 1])
  })

  const cases: readonly [string, KeyPair | undefined, boolean][] = [
    ['a certificate of the authority', agent, true],
    ['a certificate of another', stranger, false],
    ['none', undefined, false],
  ]
  for (const [name, pair, may] of cases)
    test(`that asks for one, a client that shows ${name} is ${may ? 'taken' : 'refused'}`, async () => {
      const mutual = { ...tls, client_ca_file: ours.caFile }
      const grpc = await startReceiver({ tls: mutual })
      const answer = await own(new OtlpClient(grpc.port, {}, secure(pair))).export('traces', request)
      expect(answer.code).toBe(may ? status.OK : status.UNAVAILABLE)
      const http = await startHttpReceiver({ tls: mutual })
      expect(await post(http.port, pair)).toBe(may ? 200 : 'refused')
      expect([grpc.batches.length, http.batches.length]).toEqual(may ? [1, 1] : [0, 0])
    })
})
