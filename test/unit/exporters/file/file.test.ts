import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { type Batch, batchOf, countItems } from '../../../../src/data/batch.js'
import type { Span } from '../../../../src/data/span.js'
import { type Config, check } from '../../../../src/exporters/file/config.js'
import { createFileExporter } from '../../../../src/exporters/file/file.js'
import { RotatedFiles } from '../../../../src/exporters/file/rotated-files.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'
import { RecordingTelemetry, TestHost, testSettings } from '../../../../src/testkit/test-settings.js'
import { failure, smallMachine, unitOf } from '../prometheus/fixture.js'

const t0 = 1_795_176_271_000_000_000n
const notRoot = process.getuid?.() === 0 ? '' : ' [skipped: not root, and so cannot mount]'

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

describe('old files', () => {
  test('no line is lost or doubled at the border, whatever the sizes of batches, compressed or not', async () => {
    for (const compression of ['none', 'gzip'] as const) {
      // Not synced: that takes a busy disk 0.1 s, and there are 300 batches.
      const part = { max_size: 6000, max_files: 1000, fsync: false }
      const { path, exporter, folder, telemetry } = await started({ ...part, compression })
      // Offered at once, of all lengths: some end exactly where a file is full.
      const batches = Array.from({ length: 300 }, (_, n) => numbered(n, 'x'.repeat((n * 37) % 1500)))
      const outcomes = await Promise.all(batches.map((batch) => exporter.consume(batch)))
      expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['ok']))
      await exporter.shutdown()
      expect(allNumbers(path)).toEqual(Array.from({ length: 300 }, (_, n) => n))
      const rotated = readdirSync(folder).length - 1
      expect(rotated).toBeGreaterThan(30)
      expect(telemetry.counters.get('rotations')).toBe(rotated)
      expect(telemetry.counters.get('files_removed')).toBeUndefined()
    }
  })

  test('are compressed beside the writing, readable by their owner only, and the oldest goes', async () => {
    const { path, exporter, folder, telemetry } = await started({ max_size: 1000, max_files: 2, compression: 'gzip' })
    for (let n = 0; n < 40; n++) await exporter.consume(numbered(n))
    await until(() => readdirSync(folder).sort().join() === 'out.jsonl,out.jsonl.1.gz,out.jsonl.2.gz')
    expect(statSync(`${path}.1.gz`).mode & 0o777).toBe(0o600)
    const kept = allNumbers(path)
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => 40 - kept.length + i))
    expect(telemetry.counters.get('files_removed')).toBe(telemetry.counters.get('rotations')! - 2)
  })

  test('go when they are too old, counted from their last line', async () => {
    const clock = new FakeClock(BigInt(Date.now()) * 1_000_000n)
    const { path, exporter, telemetry } = await started({ max_size: 10, max_files: 9, max_age: 3_600_000 }, clock)
    for (let n = 0; n < 4; n++) await exporter.consume(numbered(n))
    const hoursAgo = (hours: number) => new Date(Number(clock.unixNano() / 1_000_000n) - hours * 3_600_000)
    utimesSync(`${path}.2`, hoursAgo(0.9), hoursAgo(0.9))
    utimesSync(`${path}.3`, hoursAgo(1.1), hoursAgo(1.1))
    await clock.advance(60_000)
    await until(() => telemetry.counters.get('files_removed') === 1)
    expect(allNumbers(path)).toEqual([1, 2, 3])
    await clock.advance(600_000)
    await until(() => telemetry.counters.get('files_removed') === 2)
    expect(allNumbers(path)).toEqual([2, 3])
  })

  test('that a killed agent left half compressed are compressed again, each line once', async () => {
    const { path, exporter } = await started({ max_size: 10, max_files: 9 })
    for (let n = 0; n < 4; n++) await exporter.consume(numbered(n))
    await exporter.shutdown()
    // Killed while it wrote, and between the rename and the unlink.
    writeFileSync(`${path}.1.gz.part`, 'half')
    writeFileSync(`${path}.2.gz`, gzipSync(readFileSync(`${path}.2`)))
    const again = await started({ path, max_size: 10, max_files: 9, compression: 'gzip' })
    await until(() => [1, 2, 3].every((n) => existsSync(`${path}.${n}.gz`) && !existsSync(`${path}.${n}`)))
    expect(existsSync(`${path}.1.gz.part`)).toBe(false)
    await again.exporter.shutdown()
    expect(allNumbers(path)).toEqual([0, 1, 2, 3])
  })

  test('beyond a max_files that was lowered go', async () => {
    const first = await started({ max_size: 10, max_files: 9 })
    for (let n = 0; n < 6; n++) await first.exporter.consume(numbered(n))
    await first.exporter.shutdown()
    const { path, folder } = { ...first, ...(await started({ path: first.path, max_files: 2 })), folder: first.folder }
    await until(() => readdirSync(folder).length === 3)
    expect(allNumbers(path)).toEqual([3, 4, 5])
  })

  test.skipIf(notRoot !== '')(`survive a rotation that fails again and again${notRoot}`, async () => {
    const path = join(temporary(), 'out.jsonl')
    for (const n of [1, 2, 3]) writeFileSync(`${path}.${n}`, `${n}`)
    let removed = 0
    const settings = { path, maxFiles: 3, maxAgeMs: 0, gzip: false, unixMs: Date.now, onRemoved: () => void removed++ }
    const rotated = new RotatedFiles(settings)
    // A mount point cannot be renamed; all the others can.
    mkdirSync(path)
    execFileSync('/usr/bin/mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', path])
    try {
      for (let times = 0; times < 6; times++) await expect(rotated.shift()).rejects.toMatchObject({ code: 'EBUSY' })
    } finally {
      execFileSync('/usr/bin/umount', ['--lazy', path])
    }
    expect(removed).toBe(1)
    expect([2, 3].map((n) => readFileSync(`${path}.${n}`, 'utf8'))).toEqual(['1', '2'])
  })
})

describe('a file that logrotate moved away is begun anew, and no line is lost', () => {
  const check = async (folder = temporary()) => {
    const path = join(folder, 'out.jsonl')
    const { exporter } = await started({ path })
    await exporter.consume(numbered(1))
    renameSync(path, `${path}-20261129`)
    await exporter.consume(numbered(2))
    await exporter.shutdown()
    expect(numbersIn(`${path}-20261129`)).toEqual([1])
    expect(numbersIn(path)).toEqual([2])
  }

  test('where its name is looked up at once', () => check())

  // Any file system that the exporter does not know.
  test.skipIf(notRoot !== '')(`where that might take long${notRoot}`, async () => {
    const folder = temporary()
    execFileSync('/usr/bin/mount', ['-t', 'ramfs', 'ramfs', folder])
    try {
      await check(folder)
    } finally {
      execFileSync('/usr/bin/umount', ['--lazy', folder])
    }
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

  test('a file that was emptied in its place, as by copytruncate, holds whole lines also where the next write fails', async () => {
    const { path, exporter } = await started()
    for (const n of [1, 2, 3]) await exporter.consume(numbered(n))
    truncateSync(path, 0)
    limitFileSize('100')
    try {
      expect(await exporter.consume(numbered(4))).toMatchObject({ kind: 'retryable' })
    } finally {
      limitFileSize('unlimited')
    }
    expect(statSync(path).size).toBe(0)
    expect(await exporter.consume(numbered(4))).toEqual({ kind: 'ok' })
    expect(numbersIn(path)).toEqual([4])
  })

  // The test above covers the same path without a mount.
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
  return { path, max_size: 1_000_000, max_files: 5, max_age: 0, compression: 'none', fsync: true, ...part }
}

async function started(part: Partial<Config> = {}, clock = new FakeClock()) {
  const folder = temporary()
  const path = part.path ?? join(folder, 'out.jsonl')
  const telemetry = new RecordingTelemetry()
  const host = new TestHost()
  const exporter = createFileExporter(testSettings('exporter', 'file', { telemetry, clock }), config(path, part))
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

/** Of all files, oldest first. */
function allNumbers(path: string): number[] {
  const numbers: number[] = []
  for (let n = 1000; n >= 1; n--) {
    for (const file of [`${path}.${n}`, `${path}.${n}.gz`]) {
      if (!existsSync(file)) continue
      const text = file.endsWith('.gz') ? gunzipSync(readFileSync(file)) : readFileSync(file)
      writeFileSync(`${path}-plain`, text)
      numbers.push(...numbersIn(`${path}-plain`))
      rmSync(`${path}-plain`)
    }
  }
  return [...numbers, ...numbersIn(path)]
}

/** Waits for as long as the test may take. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve))
}

/** RLIMIT_FSIZE of this very process; the soft limit may go up again. */
function limitFileSize(bytes: string): void {
  execFileSync('/usr/bin/prlimit', [`--fsize=${bytes}:unlimited`, `--pid=${process.pid}`])
}
