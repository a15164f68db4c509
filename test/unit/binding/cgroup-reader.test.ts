import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { getuid } from 'node:process'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { cgroupFields, decodeSample, rowWords } from '../../../src/binding/cgroup-layout.js'
import { openCgroupReader } from '../../../src/binding/cgroup-reader.js'
import { type CgroupOptions, type CgroupReader, cgroupGroups } from '../../../src/binding/cgroup-source.js'
import { loadNative } from '../../../src/binding/native.js'
import { findCgroupMount } from '../../../src/lib/cgroup/mount.js'

const fixtures = fileURLToPath(new URL('../../fixtures/cgroup', import.meta.url))
const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup()
})

const loaded = loadNative()
if ('unavailable' in loaded) throw new Error(loaded.unavailable)
const { native } = loaded

function open(root: string, options: Partial<CgroupOptions> = {}): CgroupReader {
  const opened = native.createCgroupReader({ root, anyFilesystem: true, maxCgroups: 1000, maxDepth: 16, ...options })
  if ('unavailable' in opened) throw new Error(opened.unavailable)
  cleanups.push(() => opened.reader.close())
  return opened.reader
}

function tempTree(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'cgroup-reader-'))
  cleanups.push(() => rmSync(root, { recursive: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, dirname(path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

const openFds = (): number => readdirSync('/proc/self/fd').length

describe('what a real kernel wrote', () => {
  test('every field of a service with all controllers', () => {
    const reader = open(join(fixtures, 'linux-6.1'))
    reader.scan()
    const [reading] = reader.read(['/system.slice/web.service'])
    expect(reading?.sample).toEqual({
      cpuUsageUsec: 2_412_755n,
      cpuUserUsec: 1_592_418n,
      cpuSystemUsec: 820_336n,
      cpuPeriods: 121n,
      cpuThrottledPeriods: 116n,
      cpuThrottledUsec: 9_545_794n,
      memoryCurrent: 626_688n,
      memoryPeak: 1_822_720n,
      memoryMax: 67_108_864n,
      memoryMaxUnlimited: false,
      memorySwapCurrent: 0n,
      memoryEvents: { low: 0n, high: 0n, max: 0n, oom: 0n, oom_kill: 0n, oom_group_kill: 0n },
      memoryStat: {
        anon: 258_048n,
        file: 106_496n,
        kernel: 262_144n,
        kernel_stack: 32_768n,
        pagetables: 110_592n,
        sock: 0n,
        shmem: 0n,
        file_mapped: 0n,
        file_dirty: 4096n,
        file_writeback: 0n,
        inactive_file: 86_016n,
        slab_reclaimable: 8488n,
        slab_unreclaimable: 60_936n,
        slab: 69_424n,
      },
      io: [{ device: '254:0', readBytes: 2048n, writeBytes: 20_971_520n, readOps: 2n, writeOps: 40n }],
      pidsCurrent: 3n,
      pidsMax: 50n,
      pidsMaxUnlimited: false,
      cpuPressure: { someTotalUsec: 7_284_598n, someAvg10: 36.77, fullTotalUsec: 7_247_197n, fullAvg10: 36.57 },
      memoryPressure: { someTotalUsec: 0n, someAvg10: 0, fullTotalUsec: 0n, fullAvg10: 0 },
      ioPressure: { someTotalUsec: 142_146n, someAvg10: 0.56, fullTotalUsec: 142_146n, fullAvg10: 0.56 },
      populated: true,
      frozen: false,
    })
  })

  test('a slice without limits, and only the groups asked for', () => {
    const reader = open(join(fixtures, 'linux-6.1'), { groups: ['memory', 'pids'] })
    reader.scan()
    const [reading] = reader.read(['/system.slice'])
    expect(reading?.sample).toMatchObject({ memoryMaxUnlimited: true, pidsMaxUnlimited: true })
    expect(Object.keys(reading!.sample).filter((key) => /^(memoryM|pidsM|cpu|io|memoryStat)/.test(key))).toEqual([
      'memoryMaxUnlimited',
      'pidsMaxUnlimited',
    ])
  })
})

describe('what no kernel should write', () => {
  test('numbers past 2^53 stay exact, and malformed files are absent and counted by name', () => {
    const root = tempTree({
      'a/memory.current': '18446744073709551615\n',
      'a/memory.peak': '-1\n',
      'a/cpu.stat': '',
      'a/io.stat': '8:0 rbytes=9007199254740993 wbytes=0 rios=0 wios=0\n259:1048575 rbytes=1 wbytes=2 rios=3 wios=4\n',
      'a/pids.max': `${'9'.repeat(1_000_000)}\n`,
    })
    const reader = open(root)
    reader.scan()
    const [reading] = reader.read(['/a'])
    expect(reading?.sample).toEqual({
      memoryCurrent: 2n ** 64n - 1n,
      io: [
        { device: '8:0', readBytes: 2n ** 53n + 1n, writeBytes: 0n, readOps: 0n, writeOps: 0n },
        { device: '259:1048575', readBytes: 1n, writeBytes: 2n, readOps: 3n, writeOps: 4n },
      ],
    })
    expect(reader.stats().parseErrors).toEqual({ 'memory.peak': 1, 'cpu.stat': 1, 'pids.max': 1 })
  })

  test('devices of several cgroups are not mixed up', () => {
    const line = (n: number) => `8:${n} rbytes=${n} wbytes=0 rios=0 wios=0\n`
    const reader = open(tempTree({ 'a/io.stat': line(1), 'b/io.stat': 'bad', 'c/io.stat': line(2) + line(3) }))
    reader.scan()
    const byPath = reader
      .read(['/c', '/a', '/b'])
      .map(({ entry, sample }) => [entry.path, sample.io?.map((d) => d.device)])
    expect(byPath).toEqual([
      ['/c', ['8:2', '8:3']],
      ['/a', ['8:1']],
      ['/b', undefined],
    ])
  })

  test('names with escapes, newlines and bytes that are not UTF-8', () => {
    const root = tempTree({ 'dev-disk\\x2dby.swap/pids.current': '1\n', 'new\nline/pids.current': '2\n' })
    mkdirSync(Buffer.concat([Buffer.from(`${root}/bytes`), Buffer.from([0xff])]))
    const reader = open(root)
    expect(
      reader
        .scan()
        .map(({ path }) => path)
        .sort(),
    ).toEqual(['/', '/bytes\\xff', '/dev-disk\\x2dby.swap', '/new\\x0aline'])
    expect(reader.read(['/new\\x0aline'])[0]?.sample).toEqual({ pidsCurrent: 2n })
  })

  test('two names that are shown alike are two cgroups, each with its own numbers', () => {
    const root = tempTree({ 'bytes\\xff/pids.current': '1\n' })
    const raw = Buffer.concat([Buffer.from(`${root}/bytes`), Buffer.from([0xff])])
    mkdirSync(raw)
    writeFileSync(Buffer.concat([raw, Buffer.from('/pids.current')]), '2\n')
    const reader = open(root)
    const scanned = reader.scan()
    expect(scanned.map(({ path }) => path).sort()).toEqual(['/', '/bytes\\xff', '/bytes\\xff'])
    for (const readings of [reader.read(), reader.read(['/bytes\\xff'])]) {
      const found = readings.filter(({ entry }) => entry.path !== '/')
      expect(found.map(({ sample }) => sample.pidsCurrent).sort()).toEqual([1n, 2n])
      expect(new Set(found.map(({ entry }) => entry.id)).size).toBe(2)
    }
    expect(new Set(reader.scan())).toEqual(new Set(scanned))
    for (const entry of reader.scan()) expect(scanned).toContain(entry)
  })
})

describe('a reader', () => {
  test('keeps an entry the same object until something about it changes', () => {
    const root = tempTree({ 'a/pids.current': '1\n' })
    const reader = open(root)
    const first = reader.scan().find(({ path }) => path === '/a')
    expect(reader.scan().find(({ path }) => path === '/a')).toBe(first)
    mkdirSync(join(root, 'new'))
    rmSync(join(root, 'a'), { recursive: true })
    mkdirSync(join(root, 'a'))
    rmSync(join(root, 'new'), { recursive: true })
    expect(reader.scan().find(({ path }) => path === '/a')).toBeDefined()
    expect(reader.read(['/nowhere', '/a']).map(({ entry }) => entry.path)).toEqual(['/a'])
  })

  test('bounds breadth and depth, and says what it left out', () => {
    const root = tempTree(Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`s${i}/pids.current`, '1\n'])))
    const reader = open(root, { maxCgroups: 5 })
    expect(reader.scan()).toHaveLength(5)
    expect(reader.stats()).toMatchObject({ cgroups: 5, skipped: 16 })
  })

  test('lets go of all it held when closed, and is empty then', () => {
    const before = openFds()
    const reader = open(join(fixtures, 'linux-6.1'))
    reader.scan()
    reader.read()
    expect(openFds() - before).toBe(reader.stats().openFds)
    reader.close()
    reader.close()
    expect(openFds()).toBe(before)
    expect([reader.scan(), reader.read(), reader.stats().nativeBytes]).toEqual([[], [], 0])
  })

  test.each([
    ['/no/such/place', /^\/no\/such\/place does not exist: give the mount point of cgroup2/],
    [fixtures, /is not on a cgroup v2 file system/],
    [fileURLToPath(import.meta.url), /cannot be opened \(ENOTDIR\)/],
  ])('says why it cannot open %s', (root, reason) => {
    const opened = native.createCgroupReader({ root, anyFilesystem: false, maxCgroups: 10, maxDepth: 4 })
    expect('unavailable' in opened && opened.unavailable).toMatch(reason)
  })

  test('refuses an addon of another version instead of giving wrong numbers', () => {
    const addon = { CgroupReader: class {} as never, cgroupFields: ['cpuUsageUsec'], cgroupGroups: [...cgroupGroups] }
    const options = { root: '/', anyFilesystem: true, maxCgroups: 1, maxDepth: 1 }
    expect(() => openCgroupReader(addon, options)).toThrow(/run `npm run build:native`/)
  })

  test('decodes nothing from a row of a cgroup that was gone', () => {
    const rows = new BigUint64Array(rowWords)
    expect(decodeSample({ rows, devices: new BigUint64Array() }, 0)).toBeUndefined()
    rows[1] = 1n
    expect(decodeSample({ rows, devices: new BigUint64Array() }, 0)).toEqual({})
    expect(new Set(cgroupFields).size).toBe(cgroupFields.length)
  })
})

const mount = findCgroupMount(readFileSync('/proc/self/mountinfo', 'utf8'))?.path
const why = getuid?.() !== 0 ? 'needs root' : mount === undefined ? 'needs a cgroup2 mount' : undefined

describe.skipIf(why !== undefined)(`real cgroups${why === undefined ? '' : ` [skipped: ${why}]`}`, () => {
  function makeCgroup(): string {
    const path = join(mount!, `unitscope-test-${process.pid}-${cleanups.length}`)
    mkdirSync(path)
    cleanups.push(() => {
      for (const child of readdirSync(path, { withFileTypes: true })) {
        if (child.isDirectory()) rmdirSync(join(path, child.name))
      }
      rmdirSync(path)
    })
    return path
  }

  test('a cgroup made again is another one, and the old one is not read under its name', () => {
    const root = makeCgroup()
    const service = join(root, 'a.service')
    mkdirSync(service)
    const reader = open(root, { anyFilesystem: false })
    const first = reader.scan().find(({ path }) => path === '/a.service')!
    expect(first.id).toBe(statSync(service, { bigint: true }).ino)
    expect(reader.read(['/a.service'])[0]?.sample.cpuUsageUsec).toBe(0n)

    rmdirSync(service)
    expect(reader.read(['/a.service'])).toEqual([])
    mkdirSync(service)
    expect(reader.read(['/a.service'])).toEqual([])
    expect(reader.stats().vanished).toBe(2)

    const second = reader.scan().find(({ path }) => path === '/a.service')!
    expect(second.id).not.toBe(first.id)
    expect(reader.read(['/a.service'])[0]?.sample.cpuUsageUsec).toBe(0n)
    rmdirSync(service)
    expect(reader.scan().map(({ path }) => path)).toEqual(['/'])
  })

  test('cgroups that vanish while being read are no error and leak nothing', async () => {
    const root = makeCgroup()
    const before = openFds()
    const reader = open(root, { anyFilesystem: false })
    const churn = 'for i in {1..150}; do mkdir "$0"/{a,b,c}.service && rmdir "$0"/{a,b,c}.service; done'
    const child = spawn('/bin/bash', ['-c', churn, root], { stdio: 'ignore' })
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
    let over = false
    ended.finally(() => {
      over = true
    })
    let read = 0
    while (!over) {
      reader.scan()
      for (let i = 0; i < 4; i++) read += reader.read().length
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await ended).toBe(0)
    const { parseErrors, ioErrors, vanished } = reader.stats()
    expect({ parseErrors, ioErrors }).toEqual({ parseErrors: {}, ioErrors: {} })
    expect(vanished).toBeGreaterThan(0)
    expect(read).toBeGreaterThan(0)
    expect(reader.scan()).toHaveLength(1)
    reader.close()
    expect(openFds()).toBe(before)
  })

  test('a root that is removed leaves nothing to read or to scan', () => {
    const root = makeCgroup()
    const inner = join(root, 'inner')
    mkdirSync(inner)
    const reader = open(inner, { anyFilesystem: false })
    expect(reader.scan()).toHaveLength(1)
    expect(reader.read()).toHaveLength(1)
    rmdirSync(inner)
    expect(reader.read()).toEqual([])
    expect(reader.scan()).toEqual([])
    expect(reader.read()).toEqual([])
  })
})
