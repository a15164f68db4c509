import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { type Batch, batchOf, countItems } from '../../../../src/data/batch.js'
import type { Span } from '../../../../src/data/span.js'
import { type Config, check } from '../../../../src/exporters/file/config.js'
import { createFileExporter } from '../../../../src/exporters/file/file.js'
import { RecordingTelemetry, TestHost, testSettings } from '../../../../src/testkit/test-settings.js'
import { failure, smallMachine, unitOf } from '../prometheus/fixture.js'

const t0 = 1_795_176_271_000_000_000n

test('each signal becomes one line of OTLP/JSON, in a file only its owner reads', async () => {
  const { path, exporter } = await started()
  const batch = smallMachine(t0)
  expect(await exporter.consume(batch)).toEqual({ kind: 'ok' })
  await exporter.shutdown()
  const [logs, metrics, ...more] = linesOf(path)
  expect(more).toEqual([])
  expect(logs.resourceLogs[0].scopeLogs[0].logRecords[0]).toMatchObject({
    eventName: 'systemd.unit.failed',
    timeUnixNano: '1795176271000000000',
    severityNumber: 17,
  })
  expect(JSON.stringify(metrics)).toContain('"asInt":"9007199254740993"')
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test('batches arrive in order, also when they are offered at once', async () => {
  const { path, exporter, telemetry } = await started()
  const outcomes = await Promise.all(Array.from({ length: 50 }, (_, n) => exporter.consume(numbered(n))))
  expect(new Set(outcomes.map((o) => o.kind))).toEqual(new Set(['ok']))
  expect(numbersIn(path)).toEqual(Array.from({ length: 50 }, (_, n) => n))
  expect(telemetry.processedItems).toBe(50)
})

test('a second run appends', async () => {
  const { path, exporter } = await started()
  await exporter.consume(numbered(1))
  await exporter.shutdown()
  const again = await started({ path })
  await again.exporter.consume(numbered(2))
  expect(numbersIn(path)).toEqual([1, 2])
})

test('half a line that a crash left is cut off, at whatever byte it ended', async () => {
  const { path, exporter } = await started()
  await exporter.consume(numbered(1))
  const whole = readFileSync(path)
  await exporter.consume(numbered(2))
  await exporter.shutdown()
  const both = readFileSync(path)
  // Every 7th byte keeps it quick and still meets all phases of the line.
  for (let end = whole.length; end < both.length; end += 7) {
    writeFileSync(path, both.subarray(0, end))
    const next = await started({ path })
    await next.exporter.consume(numbered(3))
    await next.exporter.shutdown()
    expect(numbersIn(path), `cut at byte ${end}`).toEqual([1, 3])
  }
})

test('a torn line longer than any read piece is cut off, too', async () => {
  const { path } = await started()
  writeFileSync(path, `{"a":1}\n${'x'.repeat(300_000)}`)
  await started({ path })
  expect(readFileSync(path, 'utf8')).toBe('{"a":1}\n')
})

describe('rotation', () => {
  test('keeps max_files old ones, loses no line of the kept, and no file passes max_size', async () => {
    const { path, exporter, folder } = await started({ max_size: 2000, max_files: 3 })
    for (let n = 0; n < 60; n++) await exporter.consume(numbered(n))
    expect(readdirSync(folder).sort()).toEqual(['out.jsonl', 'out.jsonl.1', 'out.jsonl.2', 'out.jsonl.3'])
    const kept = ['.3', '.2', '.1', ''].flatMap((suffix) => {
      expect(statSync(path + suffix).size).toBeLessThanOrEqual(2000)
      return numbersIn(path + suffix)
    })
    expect(kept.at(-1)).toBe(59)
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => 60 - kept.length + i))
  })

  test('with max_files 0 starts the file anew', async () => {
    const { path, exporter, folder } = await started({ max_size: 1000, max_files: 0 })
    for (let n = 0; n < 20; n++) await exporter.consume(numbered(n))
    expect(readdirSync(folder)).toEqual(['out.jsonl'])
    expect(numbersIn(path).at(-1)).toBe(19)
  })

  test('writes a batch larger than max_size whole', async () => {
    const { path, exporter } = await started({ max_size: 10 })
    await exporter.consume(numbered(1))
    expect(numbersIn(path)).toEqual([1])
  })
})

describe('a disk in trouble', () => {
  test('a write that fails midway leaves no half line; the batch stays with the caller; it heals by itself', async () => {
    const { path, exporter, telemetry, host } = await started()
    await exporter.consume(numbered(1))
    const before = statSync(path).size
    // The kernel writes up to the limit and fails the rest with EFBIG, as a full disk does with ENOSPC.
    limitFileSize(`${before + 100}`)
    let outcome: unknown
    try {
      outcome = await exporter.consume(numbered(2))
    } finally {
      limitFileSize('unlimited')
    }
    expect(outcome).toMatchObject({ kind: 'retryable', afterMs: 1000 })
    expect(statSync(path).size).toBe(before)
    expect(host.last).toEqual({
      state: 'degraded',
      reason: `${path} cannot be written: the file size limit (ulimit -f) is reached; trying again until it works`,
    })
    expect(telemetry.errors).toEqual(new Map([['efbig', 1]]))
    expect(await exporter.consume(numbered(2))).toEqual({ kind: 'ok' })
    expect(host.last).toEqual({ state: 'ok' })
    expect(numbersIn(path)).toEqual([1, 2])
    expect(telemetry.processedItems).toBe(2)
  })

  // Mounting needs root; the test above covers the same path without.
  const notRoot = process.getuid?.() === 0 ? '' : ' [skipped: not root, and so cannot mount]'
  test.skipIf(notRoot !== '')(
    `a full tmpfs: no half line, degraded, and everything arrives once there is room${notRoot}`,
    async () => {
      const folder = temporary()
      execFileSync('/usr/bin/mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder])
      try {
        const { exporter, host, path } = await started({ path: join(folder, 'out.jsonl') })
        const big = 'x'.repeat(20_000)
        writeFileSync(join(folder, 'hog'), Buffer.alloc(40_000))
        const sent: number[] = []
        let n = 0
        for (; (await exporter.consume(numbered(n, big))).kind === 'ok'; n++) sent.push(n)
        expect(host.last).toMatchObject({ state: 'degraded', reason: expect.stringContaining('no space left') })
        expect(numbersIn(path)).toEqual(sent)
        rmSync(join(folder, 'hog'))
        expect(await exporter.consume(numbered(n, big))).toEqual({ kind: 'ok' })
        expect(host.last).toEqual({ state: 'ok' })
        expect(numbersIn(path)).toEqual([...sent, n])
        await exporter.shutdown()
      } finally {
        execFileSync('/usr/bin/umount', ['--lazy', folder])
      }
    },
  )

  test('what no retry heals is refused for good, and counted as lost', async () => {
    const { path, exporter, telemetry, host } = await started({ max_size: 1, max_files: 1 })
    await exporter.consume(numbered(1))
    mkdirSync(`${path}.1`)
    expect(await exporter.consume(numbered(2))).toEqual({ kind: 'permanent', reason: `${path}: EISDIR` })
    expect(telemetry.drops).toEqual(new Map([['permanent', 1]]))
    expect(host.last).toMatchObject({ state: 'degraded', reason: expect.stringMatching(/; data is dropped$/) })
    rmSync(`${path}.1`, { recursive: true })
    expect(await exporter.consume(numbered(3))).toEqual({ kind: 'ok' })
  })

  test('a batch that cannot be written as JSON is a bug that costs this batch only', async () => {
    const { path, exporter } = await started()
    // A record of a source that breaks its contract: JSON.stringify throws on it.
    const cyclic: { self?: unknown } = {}
    cyclic.self = cyclic
    const broken = batchOf({ events: [{ ...failure(unitOf('a.service'), t0), body: cyclic as unknown as string }] })
    const [bad, good] = await Promise.allSettled([exporter.consume(broken), exporter.consume(numbered(1))])
    expect(bad).toMatchObject({ status: 'rejected', reason: expect.any(TypeError) })
    expect(good).toEqual({ status: 'fulfilled', value: { kind: 'ok' } })
    expect(numbersIn(path)).toEqual([1])
    await exporter.consume(broken).catch(() => {})
    const openFiles = () => readdirSync('/proc/self/fd').filter((fd) => linkOf(fd) === path)
    expect(openFiles()).toHaveLength(1)
    await exporter.shutdown()
    expect(openFiles()).toHaveLength(0)
  })

  test('a file taken away while the agent runs does not stop it', async () => {
    const { path, exporter } = await started({ max_size: 500 })
    await exporter.consume(numbered(1))
    rmSync(path)
    for (let n = 2; n < 6; n++) expect(await exporter.consume(numbered(n))).toEqual({ kind: 'ok' })
    expect(numbersIn(path).at(-1)).toBe(5)
  })
})

describe('a path that is not a plain file fails the start with what to do', () => {
  const cases: readonly [string, (folder: string) => string, string][] = [
    ['a link', (folder) => link(folder), 'is a symbolic link'],
    ['a folder', (folder) => sub(folder), 'is not a regular file'],
    ['a FIFO', (folder) => fifo(folder), 'is not a regular file'],
    ['a missing folder', (folder) => join(folder, 'no/out.jsonl'), 'does not exist'],
    ['a device', () => '/dev/null', 'is not a regular file'],
  ]
  for (const [name, make, reason] of cases)
    test(name, async () => {
      const exporter = createFileExporter(testSettings('exporter', 'file'), config(make(temporary())))
      await expect(exporter.start(new TestHost())).rejects.toThrow(reason)
      await exporter.shutdown()
      await exporter.shutdown()
    })

  function link(folder: string): string {
    symlinkSync('/etc/hostname', join(folder, 'link'))
    return join(folder, 'link')
  }
  function sub(folder: string): string {
    mkdirSync(join(folder, 'sub'))
    return join(folder, 'sub')
  }
  function fifo(folder: string): string {
    execFileSync('/usr/bin/mkfifo', [join(folder, 'fifo')])
    return join(folder, 'fifo')
  }
})

test('a span without a trace ID is counted as lost, an event loses the ID alone', async () => {
  const { path, exporter, telemetry } = await started()
  const span: Span = {
    traceId: 'abc',
    spanId: '00f067aa0ba902b7',
    name: 'run',
    kind: 'internal',
    startTimeUnixNano: 1n,
    endTimeUnixNano: 2n,
    attributes: {},
    events: [],
    links: [],
    status: { code: 'ok' },
    resource: unitOf('a.service'),
  }
  expect(await exporter.consume(batchOf({ spans: [span] }))).toEqual({ kind: 'ok' })
  const event = { ...failure(unitOf('a.service'), t0), attributes: { n: 1 }, traceId: 'abc' }
  expect(await exporter.consume(batchOf({ events: [event] }))).toEqual({ kind: 'ok' })
  expect(linesOf(path)).toHaveLength(1)
  expect(linesOf(path)[0].resourceLogs[0].scopeLogs[0].logRecords[0].traceId).toBeUndefined()
  expect(telemetry.drops).toEqual(new Map([['invalid_id', 1]]))
  expect(telemetry.counters.get('invalid_ids')).toBe(1)
  expect(telemetry.processedItems).toBe(1)
})

test('paths with . or .. and tiny sizes are refused', () => {
  expect(check(config('/var/log/../out'))).toHaveLength(1)
  expect(check(config('/var/log/out/'))).toHaveLength(1)
  expect(check(config('/var/log/out.jsonl'))).toEqual([])
  // Only a warning: the folder may be there where the agent runs.
  const reason = 'there is no folder /nowhere/at/all here; create it'
  expect(check(config('/nowhere/at/all/out.jsonl'))).toEqual([
    { path: ['path'], reason: expect.stringContaining(reason), here: true },
  ])
  expect(check(config('/etc/passwd/out.jsonl'))).toMatchObject([{ here: true }])
  expect(check({ ...config('/var/log/out.jsonl'), max_size: 1 })).toHaveLength(1)
})

// --- helpers ---

const folders: string[] = []
const running: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of running.splice(0)) await stop()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'unitscope-file-'))
  folders.push(folder)
  return folder
}

function config(path: string, part: Partial<Config> = {}): Config {
  return { path, max_size: 1_000_000, max_files: 5, fsync: true, ...part }
}

async function started(part: Partial<Config> = {}) {
  const folder = temporary()
  const path = part.path ?? join(folder, 'out.jsonl')
  const telemetry = new RecordingTelemetry()
  const host = new TestHost()
  const exporter = createFileExporter(testSettings('exporter', 'file', { telemetry }), config(path, part))
  await exporter.start(host)
  running.push(() => exporter.shutdown())
  return { folder, path, exporter, telemetry, host }
}

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return '' // the one that lists the folder
  }
}

function numbered(n: number, body = ''): Batch {
  const event = { ...failure(unitOf('a.service'), t0), attributes: { n }, body }
  const batch = batchOf({ events: [event] })
  expect(countItems(batch)).toBe(1)
  return batch
}

// biome-ignore lint/suspicious/noExplicitAny: parsed OTLP/JSON, walked freely
function linesOf(path: string): any[] {
  if (!existsSync(path)) return []
  const text = readFileSync(path, 'utf8')
  expect(text === '' || text.endsWith('\n')).toBe(true)
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
}

function numbersIn(path: string): number[] {
  return linesOf(path).map((line) =>
    Number(line.resourceLogs[0].scopeLogs[0].logRecords[0].attributes[0].value.intValue),
  )
}

/** RLIMIT_FSIZE of this very process; the soft limit may go up again. */
function limitFileSize(bytes: string): void {
  execFileSync('/usr/bin/prlimit', [`--fsize=${bytes}:unlimited`, `--pid=${process.pid}`])
}
