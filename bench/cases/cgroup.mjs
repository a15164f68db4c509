import { existsSync, mkdirSync, mkdtempSync, promises, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { getuid } from 'node:process'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { compile } from '../lib/compile.mjs'
import { root } from '../lib/machine.mjs'
import { native, product } from '../lib/product.mjs'
import { Resident } from '../lib/resident.mjs'

/** @typedef {{name: string, cgroups: number, real: boolean}} CgroupPoint */

/** Nine files that a unit with all controllers has, as a real kernel wrote them. */
const kNineFiles = [
  'cpu.stat',
  'memory.current',
  'memory.stat',
  'memory.events',
  'io.stat',
  'pids.current',
  'cpu.pressure',
  'memory.pressure',
  'io.pressure',
]
/** Those of a cgroup without controllers, which hybrid machines have too. */
const kFourFiles = ['cpu.stat', 'cpu.pressure', 'memory.pressure', 'io.pressure']
const fixture = `${root}test/fixtures/cgroup/linux-6.1/system.slice/web.service/`

/** Passes of a run, and the pause before each, in which everything has its turn. */
const kPasses = 3
const kRounds = 3
const kPauseMs = 100

const names = (cgroups) => Array.from({ length: cgroups }, (_, i) => `unit${i}.service`)

/** The receiver as the agent has it, on a folder of the benchmark's, with a consumer that counts; `pass()` is one interval. */
class Rig {
  #fire
  #reported = () => {}
  #receiver
  #reader
  points = 0

  static async start({ folder, real, maxOpenFiles }) {
    const rig = new Rig()
    const { createCgroupReceiver } = await product('receivers/cgroup/cgroup.js')
    const { schema } = await product('receivers/cgroup/config.js')
    const { systemClock } = await product('util/clock.js')
    const { ResourcePool } = await product('data/resource.js')
    const { silentTelemetry } = await product('component/telemetry.js')
    const { silentLogger } = await product('component/logger.js')
    const surface = await native()
    const on = Object.fromEntries(
      Object.entries(schema.properties.metrics.properties).map(([key, value]) => [key, value.default]),
    )
    const settings = {
      id: { kind: 'receiver', type: 'cgroup', text: 'cgroup' },
      logger: silentLogger,
      telemetry: silentTelemetry,
      resources: new ResourcePool(),
      random: Math.random,
      clock: {
        ...systemClock,
        every(_, fire) {
          rig.#fire = fire
          return { cancel() {} }
        },
      },
    }
    const config = {
      root: folder,
      scope: 'system',
      collection_interval: 10_000,
      unit_types: ['service'],
      include: [],
      exclude: [],
      containers: false,
      metrics: real ? on : { ...on, state: false },
      pressure_triggers: [],
      max_open_files: maxOpenFiles,
    }
    const next = {
      async consume({ metrics }) {
        for (const { points } of metrics) rig.points += points.length
        return { kind: 'ok' }
      },
    }
    const world = {
      open(options, onStalls) {
        const opened = surface.createCgroupReader({ ...options, anyFilesystem: !real }, onStalls)
        rig.#reader = opened.reader
        return opened
      },
      read: (path) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined),
      uid: 0,
    }
    rig.#receiver = createCgroupReceiver(settings, config, next, world)
    const first = new Promise((resolve) => (rig.#reported = resolve))
    await rig.#receiver.start({ report: ({ state }) => state !== 'starting' && rig.#reported() })
    await first
    await nextTurn()
    // Files that are not there are looked for now and then: from here on as in life.
    for (let i = 0; i < 3; i++) await rig.pass()
    return rig
  }

  /** CPU times in ms; `blockedMs`: the longest time for which nothing else had its turn. */
  async pass() {
    const told = new Promise((resolve) => (this.#reported = resolve))
    let over = false
    let blockedMs = 0
    let last = performance.now()
    const turn = () => {
      const now = performance.now()
      blockedMs = Math.max(blockedMs, now - last)
      last = now
      if (!over) setImmediate(turn)
    }
    setImmediate(turn)
    const before = this.#reader.stats().threadCpuNs
    this.#fire()
    await told
    over = true
    await nextTurn() // it is ready for the next one only now
    return { nativeMs: (this.#reader.stats().threadCpuNs - before) / 1e6, blockedMs }
  }

  /** Decoding and metrics alone: what the main thread does, without the turning above. */
  async mainMs() {
    const told = new Promise((resolve) => (this.#reported = resolve))
    const native = this.#reader.stats().threadCpuNs
    const before = process.cpuUsage()
    this.#fire()
    await told
    await nextTurn()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000 - (this.#reader.stats().threadCpuNs - native) / 1e6
  }

  stop() {
    return this.#receiver.shutdown()
  }
}

/** Ours, with so many of the files kept open (1: all). */
function ours(name, share) {
  return {
    name,
    async run(context) {
      const rig = await Rig.start({
        ...context,
        maxOpenFiles: Math.round(share * context.files.length * context.cgroups),
      })
      try {
        const figures = { nativeMs: [], mainMs: [], blockedMs: [], beyondMs: [] }
        for (let i = 0; i < kPasses; i++) {
          await sleep(kPauseMs)
          const floorMs = context.canKeepAll ? await context.floor('pread') : undefined
          rig.points = 0
          const { nativeMs, blockedMs } = await rig.pass()
          if (rig.points < context.cgroups * context.files.length)
            throw new Error(`${rig.points} points of ${context.cgroups} units`)
          figures.nativeMs.push(nativeMs)
          figures.blockedMs.push(blockedMs)
          figures.mainMs.push(await rig.mainMs())
          if (floorMs !== undefined) figures.beyondMs.push(nativeMs - floorMs)
        }
        const { nativeMs, mainMs, blockedMs, beyondMs } = Object.fromEntries(
          Object.entries(figures).map(([key, list]) => [key, list.sort((a, b) => a - b)[Math.floor(list.length / 2)]]),
        )
        return { cpuMs: nativeMs + mainMs, nativeMs, blockedMs, ...(beyondMs === undefined ? {} : { beyondMs }) }
      } finally {
        await rig.stop()
      }
    },
  }
}

/** A program or a function that reads all files once, by its CPU time. */
function reading(name, pass, extra = {}) {
  return {
    name,
    ...extra,
    async run(context) {
      let total = 0
      for (let i = 0; i < kPasses; i++) {
        await sleep(kPauseMs)
        total += await pass(context)
      }
      return { cpuMs: total / kPasses }
    },
  }
}

async function inNode(read, { folder, cgroups, files }) {
  const before = process.cpuUsage()
  const samples = await read(names(cgroups).map((name) => files.map((file) => join(folder, name, file))))
  const { user, system } = process.cpuUsage(before)
  if (samples.length !== cgroups) throw new Error(`${samples.length} of ${cgroups} cgroups`)
  return (user + system) / 1000
}

/** The obvious parser: all keys of a file, and their numbers. */
function parsed(text) {
  const sample = {}
  for (const line of text.split('\n')) {
    for (const word of line.split(' ').slice(1))
      sample[line.slice(0, line.indexOf(' '))] = Number(word.slice(word.indexOf('=') + 1))
  }
  return sample
}

/** How many files a process may have open at most. */
function descriptors() {
  const limit = /^Max open files +\d+ +(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'latin1'))[1]
  return limit === 'unlimited' ? Number.POSITIVE_INFINITY : Number(limit)
}

const kSpare = 100
const tooMany = ({ cgroups, real }) => {
  const wanted = cgroups * (real ? kFourFiles : kNineFiles).length
  return wanted + kSpare > descriptors() ? `needs ${wanted} open files, and ${descriptors()} are allowed` : undefined
}

const kReal1000 = '1000 cgroups, 4 files each'
const kPlain1000 = '1000 directories, 9 files each'

/** What a run that is broken off has to remove. */
const made = new Set()
process.once('exit', () => {
  for (const context of made) remove(context)
})

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'cgroup',
  question: 'What does it cost to know what every unit uses, once more?',
  notes:
    'A sample is all files of all units, read and understood. unitscope: the receiver as the agent has it, with a consumer that only ' +
    'counts; "native" is its thread, the rest decodes and makes metrics, with a number of points each. The cgroups are real ones, with ' +
    'the files that exist without controllers; the directories of nine files hold what Linux 6.1 wrote for a service with all controllers, ' +
    'on a plain file system, whose reads are cheaper than those of cgroups. "Beyond the kernel": the time of the native thread less that ' +
    'of bare preads of the same files by a C program just before. "Stands still": the longest time for which the event loop had no ' +
    'turn during a sample. Half and none of the files are kept open by `max_open_files`; none is also what a least-recently-used cache ' +
    'smaller than the whole comes to, since all are read in turn. The readFile rows parse into an object per file, and make no metrics.',
  figures: {
    cpuMs: { title: 'CPU ms per sample', ratio: true },
    nativeMs: { title: 'native ms' },
    beyondMs: { title: 'native ms beyond the kernel' },
    blockedMs: { title: 'event loop stands still, ms' },
  },
  points: [
    { name: kReal1000, cgroups: 1000, real: true },
    { name: '5000 cgroups, 4 files each', cgroups: 5000, real: true },
    { name: kPlain1000, cgroups: 1000, real: false },
  ],
  unavailable() {
    if (getuid?.() !== 0) return 'needs root, to make cgroups'
    return mountPoint() === undefined ? 'needs a cgroup2 mount' : undefined
  },
  async setUp(point) {
    const files = point.real ? kFourFiles : kNineFiles
    const folder = point.real
      ? join(mountPoint(), `unitscope-bench-${process.pid}`)
      : mkdtempSync('/dev/shm/unitscope-bench-')
    const { cgroups, real } = point
    const context = { folder, files, cgroups, real, canKeepAll: tooMany(point) === undefined }
    made.add(context)
    try {
      if (real) mkdirSync(folder)
      for (const name of names(cgroups)) {
        mkdirSync(join(folder, name))
        if (!real) for (const file of files) writeFileSync(join(folder, name, file), readFileSync(fixture + file))
      }
      const program = new Resident('cgroup_floor', [compile('cgroup_floor'), folder, String(cgroups), ...files])
      const floor = async (way) => {
        program.tell(way)
        const { us, files: read } = await program.answer()
        if (read !== cgroups * files.length) throw new Error(`${read} files were read`)
        return us / 1000
      }
      return { ...context, program, floor }
    } catch (error) {
      remove(context)
      throw error
    }
  },
  async tearDown(context) {
    await context.program.end()
    remove(context)
  },
  rounds: kRounds,
  ways: [
    ours('unitscope', 1),
    ours('unitscope, half of the files kept open', 0.5),
    ours('unitscope, none kept open', 0),
    reading('bare pread in C', ({ floor }) => floor('pread'), { skip: tooMany }),
    reading('open, read, close in C', ({ floor }) => floor('open')),
    reading('fs.readFileSync', (context) =>
      inNode((units) => units.map((paths) => paths.map((path) => parsed(readFileSync(path, 'utf8')))), context),
    ),
    reading('fs.promises.readFile', (context) =>
      inNode(
        (units) =>
          Promise.all(
            units.map((paths) => Promise.all(paths.map(async (path) => parsed(await promises.readFile(path, 'utf8'))))),
          ),
        context,
      ),
    ),
  ],
  gates: [
    { figure: 'beyondMs', way: 'unitscope', point: kReal1000, atMost: 15, aim: 7 },
    { figure: 'beyondMs', way: 'unitscope', point: kPlain1000, atMost: 15, aim: 7 },
    { figure: 'blockedMs', way: 'unitscope', point: kReal1000, atMost: 1 },
    { figure: 'blockedMs', way: 'unitscope', point: kPlain1000, atMost: 1 },
    { figure: 'cpuMs', way: 'fs.promises.readFile', over: 'unitscope', point: kReal1000, atLeast: 5 },
  ],
}

function mountPoint() {
  const line = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((each) => each.includes(' - cgroup2 '))
  return line?.split(' ')[4]
}

function remove(context) {
  made.delete(context)
  const { folder, real, cgroups } = context
  if (!real) return rmSync(folder, { recursive: true })
  for (const path of [...names(cgroups).map((name) => join(folder, name)), folder])
    if (existsSync(path)) rmdirSync(path)
}
