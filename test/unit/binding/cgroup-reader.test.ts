import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { getuid } from 'node:process'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, test } from 'vitest'
import { cgroupFields, decodeEntries, decodeReading, rowWords } from '../../../src/binding/cgroup-layout.js'
import { openCgroupReader } from '../../../src/binding/cgroup-reader.js'
import {
  type CgroupOptions,
  type CgroupPass,
  type CgroupReader,
  cgroupGroups,
  type MemoryKill,
  type MemoryLoss,
  type OnStalls,
  type PressureStall,
} from '../../../src/binding/cgroup-source.js'
import { loadNative } from '../../../src/binding/native.js'
import { findCgroupMount } from '../../../src/lib/cgroup/mount.js'
import { type CgroupSample, sampleOf } from '../../support/cgroup-sample.js'

const fixtures = fileURLToPath(new URL('../../fixtures/cgroup', import.meta.url))
const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup()
})

const loaded = loadNative()
if ('unavailable' in loaded) throw new Error(loaded.unavailable)
const { native } = loaded

const usual = { anyFilesystem: true, maxCgroups: 1000, maxDepth: 16, maxOpenFiles: 1000, walkIntervalMs: 600_000 }

function open(root: string, options: Partial<CgroupOptions> = {}, onStalls: OnStalls = () => {}): CgroupReader {
  const opened = native.createCgroupReader({ root, ...usual, ...options }, onStalls)
  if ('unavailable' in opened) throw new Error(opened.unavailable)
  cleanups.push(() => opened.reader.close())
  return opened.reader
}

/** Follows a reader as the receiver does: knows paths by key. */
class Follower {
  readonly reader: CgroupReader
  readonly paths = new Map<number, string>()
  pass: CgroupPass | undefined

  constructor(reader: CgroupReader) {
    this.reader = reader
  }

  /** One pass: what lives, and what ended, by path; two of one path are both there. */
  async sample(): Promise<{
    alive: [string, CgroupSample | undefined][]
    ended: [string, CgroupSample | undefined][]
  }> {
    const pass = await this.reader.sample()
    this.pass = pass
    for (const { key, path } of pass?.entries ?? []) this.paths.set(key, path)
    const readings = Array.from({ length: pass?.length ?? 0 }, (_, i) => pass!.reading(i))
    const of = (wanted: boolean) =>
      readings
        .filter(({ ended }) => ended === wanted)
        .map(({ key, numbers }): [string, CgroupSample | undefined] => [this.paths.get(key)!, sampleOf(numbers)])
    return { alive: of(false), ended: of(true) }
  }

  async read(path: string): Promise<CgroupSample | undefined> {
    return (await this.sample()).alive.find(([name]) => name === path)?.[1]
  }
}

const follow = (...args: Parameters<typeof open>): Follower => new Follower(open(...args))

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
  test('every field of a service with all controllers', async () => {
    expect(await follow(join(fixtures, 'linux-6.1')).read('/system.slice/web.service')).toEqual({
      cpuUsageUsec: 2_412_755,
      cpuUserUsec: 1_592_418,
      cpuSystemUsec: 820_336,
      cpuPeriods: 121,
      cpuThrottledPeriods: 116,
      cpuThrottledUsec: 9_545_794,
      memoryCurrent: 626_688,
      memoryPeak: 1_822_720,
      memoryMax: 67_108_864,
      memoryMaxUnlimited: false,
      memorySwapCurrent: 0,
      memoryEvents: { low: 0, high: 0, max: 0, oom: 0, oom_kill: 0, oom_group_kill: 0 },
      memoryStat: {
        anon: 258_048,
        file: 106_496,
        kernel: 262_144,
        kernel_stack: 32_768,
        pagetables: 110_592,
        sock: 0,
        shmem: 0,
        file_mapped: 0,
        file_dirty: 4096,
        file_writeback: 0,
        inactive_file: 86_016,
        slab_reclaimable: 8488,
        slab_unreclaimable: 60_936,
        slab: 69_424,
      },
      io: [{ device: '254:0', readBytes: 2048, writeBytes: 20_971_520, readOps: 2, writeOps: 40 }],
      pidsCurrent: 3,
      pidsMax: 50,
      pidsMaxUnlimited: false,
      cpuPressure: { someTotalUsec: 7_284_598, someAvg10: 36.77, fullTotalUsec: 7_247_197, fullAvg10: 36.57 },
      memoryPressure: { someTotalUsec: 0, someAvg10: 0, fullTotalUsec: 0, fullAvg10: 0 },
      ioPressure: { someTotalUsec: 142_146, someAvg10: 0.56, fullTotalUsec: 142_146, fullAvg10: 0.56 },
      populated: true,
      frozen: false,
    })
  })

  test('a slice without limits, and only the groups asked for', async () => {
    const sample = await follow(join(fixtures, 'linux-6.1'), { groups: ['memory', 'pids'] }).read('/system.slice')
    expect(sample).toMatchObject({ memoryMaxUnlimited: true, pidsMaxUnlimited: true })
    expect(Object.keys(sample!).filter((key) => /^(memoryM|pidsM|cpu|io|memoryStat)/.test(key))).toEqual([
      'memoryMaxUnlimited',
      'pidsMaxUnlimited',
    ])
  })
})

describe('what no kernel should write', () => {
  test('numbers past 2^53 keep 16 digits, and malformed files are absent and counted by name', async () => {
    const root = tempTree({
      'a/memory.current': '18446744073709551615\n',
      'a/memory.peak': '-1\n',
      'a/memory.high': 'max\n',
      'a/memory.events.local': 'low 0\noom_kill 2\n',
      'a/cpu.stat': '',
      'a/io.stat': '8:0 rbytes=9007199254740993 wbytes=0 rios=0 wios=0\n259:1048575 rbytes=1 wbytes=2 rios=3 wios=4\n',
      'a/pids.max': `${'9'.repeat(1_000_000)}\n`,
      'a/pids.events': 'max 12\n',
    })
    const follower = follow(root)
    expect(await follower.read('/a')).toEqual({
      memoryCurrent: 2 ** 64,
      memoryHighUnlimited: true,
      memoryEventsLocal: { low: 0, oom_kill: 2 },
      io: [
        { device: '8:0', readBytes: 2 ** 53, writeBytes: 0, readOps: 0, writeOps: 0 },
        { device: '259:1048575', readBytes: 1, writeBytes: 2, readOps: 3, writeOps: 4 },
      ],
      pidsEvents: { max: 12 },
    })
    expect(follower.reader.stats().parseErrors).toEqual({ 'memory.peak': 1, 'cpu.stat': 1, 'pids.max': 1 })
  })

  test('devices of several cgroups are not mixed up', async () => {
    const line = (n: number) => `8:${n} rbytes=${n} wbytes=0 rios=0 wios=0\n`
    const { alive } = await follow(
      tempTree({ 'a/io.stat': line(1), 'b/io.stat': 'bad', 'c/io.stat': line(2) + line(3) }),
    ).sample()
    expect(alive.map(([path, sample]) => [path, sample?.io?.map((d) => d.device)])).toEqual([
      ['/', undefined],
      ['/a', ['8:1']],
      ['/b', undefined],
      ['/c', ['8:2', '8:3']],
    ])
  })

  test('names with escapes, newlines and bytes that are not UTF-8', async () => {
    const root = tempTree({ 'dev-disk\\x2dby.swap/pids.current': '1\n', 'new\nline/pids.current': '2\n' })
    mkdirSync(Buffer.concat([Buffer.from(`${root}/bytes`), Buffer.from([0xff])]))
    const { alive } = await follow(root).sample()
    expect(new Map(alive)).toEqual(
      new Map([
        ['/', {}],
        ['/bytes\\xff', {}],
        ['/dev-disk\\x2dby.swap', { pidsCurrent: 1 }],
        ['/new\\x0aline', { pidsCurrent: 2 }],
      ]),
    )
  })

  test('two names that are shown alike are two cgroups, each with its own numbers', async () => {
    const root = tempTree({ 'bytes\\xff/pids.current': '1\n' })
    const raw = Buffer.concat([Buffer.from(`${root}/bytes`), Buffer.from([0xff])])
    mkdirSync(raw)
    writeFileSync(Buffer.concat([raw, Buffer.from('/pids.current')]), '2\n')
    const follower = follow(root)
    for (let i = 0; i < 2; i++) {
      const { alive } = await follower.sample()
      const found = alive.filter(([path]) => path === '/bytes\\xff')
      expect(found.map(([, sample]) => sample?.pidsCurrent).sort()).toEqual([1, 2])
    }
    expect(follower.paths.size).toBe(3)
  })
})

describe('a reader', () => {
  test('tells of a cgroup once, and again when it is made again', async () => {
    const root = tempTree({ 'a/pids.current': '1\n' })
    const follower = follow(root)
    await follower.sample()
    expect(follower.pass!.entries.map(({ path, ageMs }) => [path, ageMs])).toEqual([
      ['/', undefined],
      ['/a', undefined],
    ])
    await follower.sample()
    expect(follower.pass!.entries).toEqual([])
    mkdirSync(join(root, 'new'))
    rmSync(join(root, 'a'), { recursive: true })
    mkdirSync(join(root, 'a'))
    const { alive, ended } = await follower.sample()
    expect(alive.map(([path]) => path)).toEqual(['/', '/a', '/new'])
    expect(ended).toEqual([['/a', undefined]])
    for (const { ageMs } of follower.pass!.entries) expect(ageMs).toBeGreaterThan(0)
  })

  test('bounds breadth and depth, and says what it left out', async () => {
    const root = tempTree(Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`s${i}/pids.current`, '1\n'])))
    const { reader } = follow(root, { maxCgroups: 5 })
    expect((await reader.sample())?.length).toBe(5)
    expect(reader.stats()).toMatchObject({ cgroups: 5, skipped: 16 })
  })

  test('keeps as many files open as it may, and reads the same either way', async () => {
    const root = tempTree(Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`s${i}/pids.current`, `${i}\n`])))
    const all: unknown[] = []
    for (const maxOpenFiles of [0, 7, 1000]) {
      const follower = follow(root, { maxOpenFiles })
      await follower.sample()
      all.push((await follower.sample()).alive)
      // The root and the two that tell of changes, and a directory each.
      expect(follower.reader.stats().openFds).toBe(3 + 21 + Math.min(maxOpenFiles, 20))
    }
    expect(all[1]).toEqual(all[0])
    expect(all[2]).toEqual(all[0])
  })

  test('a kill for want of memory is told without asking, also of what is not read', async () => {
    const kills = (count: number): string => `low 0\noom 1\noom_kill ${count}\n`
    const root = tempTree({ 'a.service/memory.events': kills(1), 'a.service/memory.max': '4096\n' })
    const told: MemoryKill[] = []
    let heard = (): void => {}
    const opened = native.createCgroupReader({ root, ...usual }, undefined, (some) => {
      told.push(...some)
      heard()
    })
    if ('unavailable' in opened) throw new Error(opened.unavailable)
    const { reader } = opened
    cleanups.push(() => reader.close())
    const pass = await reader.sample()
    for (const ignored of [false, true]) {
      if (ignored) reader.ignore(pass!.entries.map(({ key }) => key))
      if (ignored) await reader.sample() // by then it is
      const next = new Promise<void>((resolve) => {
        heard = resolve
      })
      writeFileSync(join(root, 'a.service/memory.events'), kills(ignored ? 4 : 2))
      await next
    }
    const common = { path: '/a.service', invocationId: '', id: statSync(join(root, 'a.service')).ino }
    expect(told).toEqual([
      { ...common, before: 1, after: 2, limit: 4096, ageMs: expect.any(Number) },
      { ...common, before: 2, after: 4, ageMs: expect.any(Number) },
    ])
    expect(reader.stats()).toMatchObject({ killsDropped: 0, logError: undefined, logOverruns: 0 })
  })

  test('a kill that only the slice has counted is told with what ended, a moment later', async () => {
    const events = (count: number): string => `oom_kill ${count}\noom_group_kill ${count}\n`
    const root = tempTree({ 'a.slice/memory.events': events(0), 'a.slice/b.service/memory.events': events(0) })
    let tell = (_losses: readonly MemoryLoss[]): void => {}
    const opened = native.createCgroupReader({ root, ...usual, maxOpenFiles: 0 }, undefined, (_kills, losses) => {
      if (losses.length > 0) tell(losses)
    })
    if ('unavailable' in opened) throw new Error(opened.unavailable)
    cleanups.push(() => opened.reader.close())
    await opened.reader.sample()
    const id = statSync(join(root, 'a.slice/b.service')).ino
    const told = new Promise<readonly MemoryLoss[]>((resolve) => {
      tell = resolve
    })
    // The one that ends stirs first: its end is awaited for 250 ms from when the slice's counter has grown.
    writeFileSync(join(root, 'a.slice/b.service/memory.events'), events(0))
    writeFileSync(join(root, 'a.slice/memory.events'), events(1))
    renameSync(join(root, 'a.slice/b.service'), join(root, 'gone'))
    expect(await told).toEqual([
      {
        slice: '/a.slice',
        kills: 1,
        grouped: true,
        complete: true,
        suspects: [{ path: '/a.slice/b.service', id, invocationId: '', stirred: true, ageMs: expect.any(Number) }],
      },
    ])
  })

  test('what is ignored is not read again', async () => {
    const follower = follow(tempTree({ 'a/pids.current': '1\n', 'b/pids.current': '2\n' }))
    await follower.sample()
    follower.reader.ignore([...follower.paths].filter(([, path]) => path !== '/b').map(([key]) => key))
    expect((await follower.sample()).alive).toEqual([['/b', { pidsCurrent: 2 }]])
  })

  test('lets go of all it held when closed, and is empty then', async () => {
    const before = openFds()
    const reader = open(join(fixtures, 'linux-6.1'))
    await reader.sample()
    // Beside what it counts itself, its thread waits for two descriptors.
    expect(openFds() - before).toBe(reader.stats().openFds + 2)
    const last = reader.sample()
    reader.close()
    reader.close()
    expect(openFds()).toBe(before)
    expect([await last, await reader.sample(), reader.stats().nativeBytes]).toEqual([undefined, undefined, 0])
  })

  test('two who ask at a time get the same pass', async () => {
    const reader = open(join(fixtures, 'linux-6.1'))
    const [first, second] = await Promise.all([reader.sample(), reader.sample()])
    expect(first).toBe(second)
    expect(await reader.sample()).not.toBe(first)
  })

  test('ends with its worker, whatever it does', async () => {
    const text = `
      const { parentPort, workerData } = require('node:worker_threads')
      const addon = require(workerData.addon)
      const reader = new addon.CgroupReader(workerData.options)
      reader.start(() => { reader.take(new Float64Array(100000)); reader.request() })
      reader.request()
      parentPort.postMessage('reads')
      if (workerData.ends) reader.close()`
    const addon = createRequire(import.meta.url).resolve('node-gyp-build')
    const resolved = (createRequire(import.meta.url)(addon) as { resolve(root: string): string }).resolve(
      fileURLToPath(new URL('../../..', import.meta.url)),
    )
    const before = openFds()
    for (const ends of [true, false, false, false]) {
      const options = { root: join(fixtures, 'linux-6.1'), ...usual, groups: 255 }
      const worker = new Worker(text, { eval: true, workerData: { addon: resolved, options, ends } })
      const exited = new Promise((resolve) => worker.once('exit', resolve))
      await new Promise((resolve) => worker.once('message', resolve))
      if (!ends) await worker.terminate()
      await exited
    }
    expect(openFds()).toBe(before)
  })

  test.each([
    ['/no/such/place', /^\/no\/such\/place does not exist: give the mount point of cgroup2/],
    [fixtures, /is not on a cgroup v2 file system/],
    [fileURLToPath(import.meta.url), /cannot be opened \(ENOTDIR\)/],
  ])('says why it cannot open %s', (root, reason) => {
    const opened = native.createCgroupReader({ root, ...usual, anyFilesystem: false })
    expect('unavailable' in opened && opened.unavailable).toMatch(reason)
  })

  test('refuses an addon of another version instead of giving wrong numbers', () => {
    const addon = { CgroupReader: class {} as never, cgroupFields: ['cpuUsageUsec'], cgroupGroups: [...cgroupGroups] }
    expect(() =>
      openCgroupReader(
        addon,
        { root: '/', ...usual },
        () => {},
        () => {},
      ),
    ).toThrow(/run `npm run build:native`/)
  })

  test('decodes nothing from a row of a cgroup that ended unread, and tells it from one without any file', () => {
    const words = new Float64Array(rowWords).fill(Number.NaN)
    words.set([7, 0, 90, 0])
    const raw = { rows: 1, devices: 0, entries: 0, paths: '', invocations: '', nowMs: 100, rootGone: false }
    const alive = decodeReading(words, raw, 0)
    expect(alive).toMatchObject({ key: 7, ended: false, ageMs: 10 })
    expect(sampleOf(alive.numbers)).toEqual({})
    words[1] = 1
    expect(decodeReading(words, raw, 0)).toEqual({ key: 7, ended: true, ageMs: 10, numbers: undefined })
    expect(decodeEntries(words, raw)).toEqual([])
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

  const whyNoPressure = existsSync('/proc/pressure/memory') ? undefined : 'needs PSI in the kernel'

  test('a cgroup made again is another one, and the end of the old one is told', async () => {
    const root = makeCgroup()
    const service = join(root, 'a.service')
    mkdirSync(service)
    const follower = follow(root, { anyFilesystem: false })
    expect((await follower.read('/a.service'))?.cpuUsageUsec).toBe(0)
    const first = follower.pass!.entries.find(({ path }) => path === '/a.service')!
    expect(first.id).toBe(statSync(service).ino)

    rmdirSync(service)
    mkdirSync(service)
    const { alive, ended } = await follower.sample()
    expect(ended.map(([path]) => path)).toEqual(['/a.service'])
    expect(alive.map(([path]) => path)).toEqual(['/', '/a.service'])
    const [second] = follower.pass!.entries
    expect([second!.path, second!.id]).toEqual(['/a.service', statSync(service).ino])
    expect(second!.id).not.toBe(first.id)
    rmdirSync(service)
    expect((await follower.sample()).alive.map(([path]) => path)).toEqual(['/'])
    expect(follower.reader.stats()).toMatchObject({ walks: 1, missed: 0 })
  })

  test('what a process used is known when its cgroup is gone before anybody looked', async () => {
    const root = makeCgroup()
    const job = join(root, 'job.service')
    const follower = follow(root, { anyFilesystem: false })
    await follower.sample()
    mkdirSync(job)
    const child = spawn('/bin/sh', ['-c', 'echo 0 > "$0"; while read -r line; do :; done', join(job, 'cgroup.procs')], {
      stdio: ['pipe', 'ignore', 'inherit'],
    })
    // Nobody but the reader opens it: it has taken the cgroup in, and waits for its end.
    await until(() => isOpen(join(job, 'cpu.stat')))
    // While it was empty all of it was read, too.
    await until(() => readers('stat').every((stat) => / \(unitscope-cgrp\) S /.test(stat)))
    const before = bytesRead()
    child.stdin!.end('work\n'.repeat(10_000))
    await new Promise((resolve) => child.once('close', resolve))
    // What tells of the end are 37 bytes, perhaps twice; all files together are more than 300.
    await until(() => bytesRead() - before > 200)
    rmdirSync(job)
    const { ended } = await follower.sample()
    expect(ended).toEqual([['/job.service', expect.objectContaining({ cpuUsageUsec: expect.any(Number) })]])
    expect(ended[0]![1]!.cpuUsageUsec).toBeGreaterThan(0)
    expect(follower.reader.stats()).toMatchObject({ endsRead: 1, endsLost: 0 })
  })

  test('cgroups that vanish while being read are no error and leak nothing', async () => {
    const root = makeCgroup()
    const before = openFds()
    const { reader } = follow(root, { anyFilesystem: false })
    const churn = 'for i in {1..150}; do mkdir "$0"/{a,b,c}.service && rmdir "$0"/{a,b,c}.service; done'
    const child = spawn('/bin/bash', ['-c', churn, root], { stdio: 'ignore' })
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
    let over = false
    ended.finally(() => {
      over = true
    })
    let read = 0
    while (!over) read += (await reader.sample())?.length ?? 0
    expect(await ended).toBe(0)
    const { parseErrors, ioErrors, missed } = reader.stats()
    expect({ parseErrors, ioErrors, missed }).toEqual({ parseErrors: {}, ioErrors: {}, missed: 0 })
    expect(read).toBeGreaterThan(0)
    await reader.sample()
    expect((await reader.sample())?.length).toBe(1)
    reader.close()
    expect(openFds()).toBe(before)
  })

  test('a root that is removed leaves nothing to read', async () => {
    const root = makeCgroup()
    const inner = join(root, 'inner')
    mkdirSync(inner)
    const { reader } = follow(inner, { anyFilesystem: false })
    expect(await reader.sample()).toMatchObject({ length: 1, rootGone: false })
    rmdirSync(inner)
    expect(await reader.sample()).toMatchObject({ length: 0, rootGone: true })
  })

  test.skipIf(whyNoPressure !== undefined)(
    `the kernel tells of pressure${whyNoPressure === undefined ? '' : ` [skipped: ${whyNoPressure}]`}, and why it refuses a trigger`,
    async () => {
      const root = makeCgroup()
      const busy = join(root, 'busy.service')
      mkdirSync(busy)
      const stalls: PressureStall[] = []
      const follower = follow(root, { anyFilesystem: false }, (more) => stalls.push(...more))
      await follower.sample()
      const key = follower.pass!.entries.find(({ path }) => path === '/busy.service')!.key
      const trigger = { resource: 'cpu', kind: 'some', thresholdMs: 1, windowMs: 2000 } as const
      expect(follower.reader.arm(key, trigger)).toBe(true)
      expect(follower.reader.arm(key, { ...trigger, windowMs: 100 })).toBe(true)
      // More that want to run than there are processors: some wait.
      const hogs = Array.from({ length: 2 * availableParallelism() }, () =>
        spawn('/bin/sh', ['-c', 'echo 0 > "$0"; while :; do :; done', join(busy, 'cgroup.procs')]),
      )
      try {
        await until(() => stalls.some(({ error }) => error === undefined))
      } finally {
        const gone = hogs.map((hog) => new Promise((resolve) => hog.once('exit', resolve)))
        for (const hog of hogs) hog.kill('SIGKILL')
        await Promise.all(gone)
      }
      expect(stalls.find(({ error }) => error !== undefined)).toMatchObject({ key, error: 'EINVAL' })
      expect(stalls.find(({ error }) => error === undefined)).toMatchObject({ key, trigger })
      await until(() => readFileSync(join(busy, 'cgroup.events'), 'utf8').startsWith('populated 0'))
      rmdirSync(busy)
      await until(async () => {
        await follower.sample()
        return follower.reader.stats().triggers === 0
      })
      await until(() => stalls.at(-1)?.error === 'ENODEV')
    },
  )
})

/** What /proc has of the readers' threads. */
function readers(file: string): readonly string[] {
  const text = (task: string, name: string) => readFileSync(`/proc/self/task/${task}/${name}`, 'utf8')
  const tasks = readdirSync('/proc/self/task').filter((task) => text(task, 'comm') === 'unitscope-cgrp\n')
  return tasks.map((task) => text(task, file))
}

/** By the readers' threads. */
function bytesRead(): number {
  return readers('io').reduce((sum, io) => sum + Number(/^rchar: (\d+)/.exec(io)?.[1]), 0)
}

/** Whether this process has the file open. */
function isOpen(path: string): boolean {
  return readdirSync('/proc/self/fd').some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path
    } catch {
      return false // the descriptor of the listing itself
    }
  })
}

/** Asks again and again, as the kernel tells nobody else. */
async function until(done: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await done())) await new Promise((resolve) => setTimeout(resolve, 2))
}
