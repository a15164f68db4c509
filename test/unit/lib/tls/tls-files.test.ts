import { copyFileSync, mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { silentLogger } from '../../../../src/component/logger.js'
import { Expiry } from '../../../../src/lib/tls/expiry.js'
import { TlsFiles, type TlsOptions } from '../../../../src/lib/tls/tls-files.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'
import { RecordingTelemetry, testSettings } from '../../../../src/testkit/test-settings.js'
import { type Authority, type KeyPair, makeAuthority } from '../../../support/tls-files.js'

let made: string
let authority: Authority
let first: KeyPair
let second: KeyPair
/** A moment after the certificates were made, which live for a day from a whole second on: less than a day of theirs is left then. */
let now: bigint
beforeAll(() => {
  made = mkdtempSync(join(tmpdir(), 'unitscope-made-'))
  authority = makeAuthority(made, 'ca')
  first = authority.issue('first', ['DNS:first.test'])
  second = authority.issue('second', ['DNS:second.test'])
  now = BigInt(Date.now()) * 1_000_000n
})
afterAll(() => rmSync(made, { recursive: true, force: true }))

/** Files as they are configured; what is in them changes. */
let folder: string
let paths: { caFile: string; certFile: string; keyFile: string }
const cleanUps: (() => Promise<void> | void)[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unitscope-tls-'))
  paths = { caFile: join(folder, 'ca.pem'), certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }
  copyFileSync(authority.caFile, paths.caFile)
  install(first)
})
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  rmSync(folder, { recursive: true, force: true })
})

function install({ certFile, keyFile }: KeyPair): void {
  copyFileSync(certFile, paths.certFile)
  copyFileSync(keyFile, paths.keyFile)
}

async function open(onChange?: (options: TlsOptions) => void, clock = new FakeClock(now)) {
  const lines: string[] = []
  const telemetry = new RecordingTelemetry()
  const say = (message: string, fields: object = {}): void =>
    void lines.push([message, ...Object.values(fields)].join(': '))
  const logger = { debug: say, info: say, warn: say, error: say }
  const files = await TlsFiles.open(paths, { clock, telemetry, logger }, onChange)
  cleanUps.push(() => files.close())
  // The certificates of this test live for a day.
  lines.splice(0)
  const look = async (): Promise<void> => {
    await clock.advance(10_000)
    await files.look()
  }
  const gauge = (name: string): number => telemetry.gauges.get(name)!()
  return { files, look, lines, gauge, clock }
}

describe('is refused at the start, by key and path', () => {
  const cases: readonly [string, () => void, RegExp][] = [
    ['a file that is not there', () => unlinkSync(paths.caFile), /^tls\.ca_file \/.*ca\.pem does not exist$/],
    ['a file that is no PEM', () => writeFileSync(paths.certFile, 'x'), /^tls\.cert_file .* is not a PEM file$/],
    [
      'a key where certificates ought to be',
      () => copyFileSync(first.keyFile, paths.caFile),
      /^tls\.ca_file .*certificate 1 cannot be read|has no certificate in it$/,
    ],
    [
      'a bundle that ends in the middle',
      () => {
        const whole = readFileSync(authority.caFile, 'utf8')
        writeFileSync(paths.caFile, whole + whole.slice(0, 200))
      },
      /^tls\.ca_file .*certificate 2 cannot be read$/,
    ],
    ['a key of another certificate', () => copyFileSync(second.keyFile, paths.keyFile), /do not go together/],
  ]
  for (const [name, spoil, reason] of cases)
    test(name, async () => {
      spoil()
      await expect(open()).rejects.toThrow(reason)
    })
})

test('a server calls the authorities of its clients by the key it has for them', async () => {
  const opening = TlsFiles.open({ caFile: '/nope/ca.pem', caKey: 'client_ca_file' }, testSettings('receiver', 'otlp'))
  await expect(opening).rejects.toThrow('tls.client_ca_file /nope/ca.pem does not exist')
})

test('a certificate that is renewed is what the next connection shows; half of a pair is waited out, and a vanished one, too', async () => {
  const { files, look, lines, gauge } = await open()
  const before = files.context
  await look()
  expect(files.context).toBe(before)
  copyFileSync(second.certFile, paths.certFile) // its key comes a moment later
  await look()
  expect(files.context).toBe(before)
  expect(gauge('tls_files_stale')).toBe(1)
  expect(lines).toEqual([expect.stringMatching(/^TLS files cannot be used; those read before stay in use: .*together/)])
  copyFileSync(second.keyFile, paths.keyFile)
  await look()
  expect(files.context).not.toBe(before)
  expect(gauge('tls_files_stale')).toBe(0)
  expect(lines.filter((line) => line.startsWith('TLS files')).slice(1)).toEqual([
    'TLS files are in order again',
    'TLS files have changed; new connections use them',
  ])
  const renewed = files.context
  unlinkSync(paths.keyFile)
  await look()
  expect(files.context).toBe(renewed)
  expect(gauge('tls_files_stale')).toBe(1)
})

test('a server shows its new certificate to the next client, and goes on with those it has', async () => {
  const server = createServer((socket) => socket.on('error', () => {}).write('hello'))
  const { files, look } = await open((options) => server.setSecureContext(options))
  server.setSecureContext(files.options)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const sockets: TLSSocket[] = []
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const shown = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const port = (server.address() as AddressInfo).port
      const socket = connect({ port, ca: readFileSync(authority.caFile), checkServerIdentity: () => undefined })
      sockets.push(socket)
      socket.once('error', reject).once('data', () => resolve(socket.getPeerCertificate().subject.CN as string))
    })
  expect(await shown()).toBe('first')
  install(second)
  await look()
  expect(await shown()).toBe('second')
  expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false, false])
})

test('TLS 1.1 is not spoken, whatever the process was told', async () => {
  const { files } = await open()
  expect(files.options.minVersion).toBe('TLSv1.2')
})

describe('expiry', () => {
  const day = 86_400_000
  test('of the own certificate is gauged, and warned of once a day', async () => {
    const { lines, gauge, clock } = await open()
    expect(gauge('tls_certificate_days_left')).toBeGreaterThan(0.9)
    expect(gauge('tls_certificate_days_left')).toBeLessThan(1)
    await clock.advance(2 * day + 3_600_000)
    expect(lines.map((line) => line.replace(/: [^:]*T.*/, ''))).toEqual([
      'a TLS certificate has expired: own',
      'a TLS certificate has expired: own',
    ])
    expect(gauge('tls_certificate_days_left')).toBeLessThan(-1)
  })

  test('of a server’s is warned of from two weeks ahead on, as long as its connection lasts', async () => {
    // Without files, which would be looked at each 10 s: of twelve days that is seconds of CPU.
    const lines: string[] = []
    const clock = new FakeClock(now)
    const warn = (message: string, fields: object = {}): void =>
      void lines.push([message, ...Object.values(fields)].join(': '))
    const expiry = new Expiry({ clock, logger: { ...silentLogger, warn }, telemetry: new RecordingTelemetry() })
    cleanUps.push(() => expiry.close())
    const inDays = (days: number): string => new Date(Number(now / 1_000_000n) + days * day).toUTCString()
    expiry.server('otel:4317', inDays(15.5))
    expiry.server('otel:4318', undefined)
    expiry.server('otel:4318', 'never')
    const told = (): number => lines.filter((line) => line.includes('expires soon: otel:4317')).length
    await clock.advance(day)
    expect(told()).toBe(0)
    await clock.advance(day)
    expect(told()).toBe(1)
    expiry.server('otel:4317', inDays(90))
    await clock.advance(10 * day)
    expect(told()).toBe(1)
  })
})
