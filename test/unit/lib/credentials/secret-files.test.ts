import {
  chmodSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SecretFiles } from '../../../../src/lib/credentials/secret-files.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'
import { RecordingTelemetry } from '../../../../src/testkit/test-settings.js'

let folder: string
let lines: string[]
let files: SecretFiles | undefined
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unitscope-secret-'))
  lines = []
})
afterEach(async () => {
  await files?.close()
  files = undefined
  rmSync(folder, { recursive: true, force: true })
})

const secret = 'sk-0123456789'
/** Of another length: before Linux 6.13 a file that is made anew within 4 ms may have number and time of the one before. */
const second = 'sk-second-0123'

function write(bytes: string | Uint8Array, mode = 0o600): string {
  const path = join(folder, 'token')
  rmSync(path, { force: true })
  writeFileSync(path, bytes)
  chmodSync(path, mode)
  return path
}

async function open(path = join(folder, 'token')) {
  const clock = new FakeClock()
  const telemetry = new RecordingTelemetry()
  const say = (message: string, fields: object = {}): void =>
    void lines.push([message, ...Object.values(fields)].join(': '))
  files = await SecretFiles.open(
    { authorization: path },
    { clock, telemetry, logger: { debug: say, info: say, warn: say, error: say }, keyOf: (name) => `${name}_file` },
  )
  const opened = files
  const later = async (): Promise<string | undefined> => {
    await clock.advance(10_000)
    await opened.look()
    return opened.values.get('authorization')
  }
  return {
    value: () => opened.values.get('authorization'),
    later,
    stale: telemetry.gauges.get('secret_files_stale')!,
    clock,
  }
}

describe('a file that is a secret: its text, without one newline at the end', () => {
  test.each([
    ['plain', secret, secret],
    ['with a newline', `${secret}\n`, secret],
    ['with a newline of DOS', `${secret}\r\n`, secret],
    ['with two newlines: the first is part of it', `${secret}\n\n`, `${secret}\n`],
    ['of 64 KiB', 'x'.repeat(65_536), 'x'.repeat(65_536)],
  ])('%s', async (_, text, wanted) => {
    write(text)
    expect((await open()).value()).toBe(wanted)
    expect(lines).toEqual([])
  })
})

describe('a file that is none is refused, and nothing of it is told', () => {
  const cases: readonly [string, () => string | undefined, RegExp][] = [
    ['empty', () => write(''), /token is empty$/],
    ['a newline alone', () => write('\n'), /token is empty$/],
    ['larger than 64 KiB', () => write(secret.repeat(6000)), /token is larger than 64 KiB$/],
    ['with a byte order mark', () => write(`\ufeff${secret}`), /token begins with a byte order mark/],
    ['not UTF-8', () => write(Buffer.concat([Buffer.from(secret), Buffer.from([0xff])])), /token is not UTF-8 text$/],
    ['not there', () => undefined, /token does not exist$/],
    ['a directory', () => void mkdirSync(join(folder, 'token')), /token is a directory$/],
    ['that every user may write', () => write(secret, 0o602), /token can be written by every user.*chmod o-w$/],
  ]
  for (const [name, make, reason] of cases)
    test(name, async () => {
      make()
      const error = await open().then(
        () => undefined,
        (failure: Error) => failure,
      )
      expect(error?.message).toMatch(reason)
      expect(error?.message).not.toContain('sk-')
    })
})

test('a file that every user can read is used and warned of, once', async () => {
  write(secret, 0o604)
  const { value, later } = await open()
  expect(value()).toBe(secret)
  write(second, 0o604)
  expect(await later()).toBe(second)
  expect(lines.filter((line) => line.includes('chmod o-r'))).toHaveLength(1)
})

test('a symbolic link is followed when it is ours or root’s, as in Kubernetes, and refused when it is somebody else’s', async () => {
  writeFileSync(join(folder, 'real'), secret, { mode: 0o600 })
  symlinkSync('real', join(folder, 'token'))
  expect((await open()).value()).toBe(secret)
  await files?.close()
  lchownSync(join(folder, 'token'), 12_345, 12_345)
  await expect(open()).rejects.toThrow('is a symbolic link of another user (uid 12345)')
})

test('is read again when its file is replaced; every secret there was stays one', async () => {
  write(secret)
  const { value, later } = await open()
  expect(await later()).toBe(secret)
  expect(lines).toEqual([])
  writeFileSync(join(folder, 'new'), `${second}\n`, { mode: 0o600 })
  renameSync(join(folder, 'new'), join(folder, 'token'))
  expect(value()).toBe(secret)
  expect(await later()).toBe(second)
  expect(lines).toEqual(['a secret has changed; the new one is used'])
  expect([...files!.seen]).toEqual([secret, second])
})

test('a file that vanishes, or turns bad, leaves the secret in use; told once, gauged, and over when it is good', async () => {
  write(secret)
  const { later, stale } = await open()
  expect(stale()).toBe(0)
  unlinkSync(join(folder, 'token'))
  for (let round = 0; round < 3; round++) expect(await later()).toBe(secret)
  expect(stale()).toBe(1)
  expect(lines).toEqual([
    `a secret cannot be read; the one read before stays in use: authorization_file ${join(folder, 'token')} does not exist`,
  ])
  write('')
  expect(await later()).toBe(secret)
  expect(lines.at(-1)).toMatch(/token is empty$/)
  write(secret)
  expect(await later()).toBe(secret)
  expect(stale()).toBe(0)
  expect(lines.slice(2)).toEqual(['secrets are in order again', 'a secret has changed; the new one is used'])
})

test('nothing is looked at any more once it is closed', async () => {
  write(secret)
  const { clock } = await open()
  await files!.close()
  expect(clock.pending).toBe(0)
})
