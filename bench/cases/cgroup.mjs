import { existsSync, mkdirSync, mkdtempSync, promises, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { getuid } from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { startCommand } from '../../test/support/start-command.mjs'
import { compile } from '../lib/compile.mjs'
import { root } from '../lib/machine.mjs'
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

/** Passes of a run at 1000 cgroups (one where there are more), and the pause before each, in which everything has its turn. */
const kPasses = 3
const kRounds = 3
const kManyCgroups = 1000
const passesOf = (cgroups) => (cgroups > kManyCgroups ? 1 : kPasses)
/** Units whose files fs.promises reads at a time: each is an open file. */
const kAtATime = 500
const kPauseMs = 100

const names = (cgroups) => Array.from({ length: cgroups }, (_, i) => `unit${i}.service`)

/** Ours, with so many of the files kept open (1: all). */
function ours(name, share) {
  return {
    name,
    skip: ({ cgroups }) => (share < 1 && cgroups > kManyCgroups ? 'as at 1000' : undefined),
    async run({ folder, real, cgroups, files, canKeepAll, floor }) {
      const kept = Math.round(share * files.length * cgroups)
      const receiver = new Resident(name, [
        process.execPath,
        ...startCommand.flags,
        `${root}bench/consumers/cgroup-receiver.mjs`,
        folder,
        real ? 'cgroup2' : 'plain',
        `${kept}`,
      ])
      try {
        await receiver.expect('ready')
        const runs = []
        for (let i = 0; i < passesOf(cgroups); i++) {
          await sleep(kPauseMs)
          const floorMs = canKeepAll ? await floor('pread') : undefined
          receiver.tell('pass')
          const { points, cpuMs, nativeMs, blockedMs } = await receiver.answer()
          if (points < cgroups * files.length) throw new Error(`${points} points of ${cgroups} units`)
          runs.push({ cpuMs, nativeMs, blockedMs, ...(floorMs === undefined ? {} : { beyondMs: nativeMs - floorMs }) })
        }
        const median = (key) => runs.map((run) => run[key]).sort((a, b) => a - b)[Math.floor(runs.length / 2)]
        return Object.fromEntries(Object.keys(runs[0]).map((key) => [key, median(key)]))
      } finally {
        await receiver.end()
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
      const passes = passesOf(context.cgroups)
      for (let i = 0; i < passes; i++) {
        await sleep(kPauseMs)
        total += await pass(context)
      }
      return { cpuMs: total / passes }
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
  for (const context of [...made]) remove(context)
})

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'cgroup',
  question: 'What does it cost to know what every unit uses, once more?',
  notes:
    'A sample is all files of all units, read and understood. unitscope: the receiver as the agent has it, with a consumer that only ' +
    'counts, in a process with the flags of the agent; "native" is its thread, the rest decodes and makes metrics, with a number of points each. The cgroups are real ones, with ' +
    'the files that exist without controllers; the directories of nine files hold what Linux 6.1 wrote for a service with all controllers, ' +
    'on a plain file system, whose reads are cheaper than those of cgroups. "Beyond the kernel": the time of the native thread less that ' +
    'of bare preads of the same files by a C program just before. "Longest turn": the CPU time ' +
    'for which the event loop was kept from its next turn at worst, once the table was there. Half and none of the files are kept open by `max_open_files`; none is also what a least-recently-used cache ' +
    'smaller than the whole comes to, since all are read in turn. The readFile rows parse into an object per file, and make no metrics.',
  figures: {
    cpuMs: { title: 'CPU ms per sample', ratio: true },
    nativeMs: { title: 'native ms' },
    beyondMs: { title: 'native ms beyond the kernel' },
    blockedMs: { title: 'longest turn of the event loop, CPU ms' },
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
      return Object.assign(context, { program, floor })
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
      inNode(async (units) => {
        const samples = []
        for (let at = 0; at < units.length; at += kAtATime) {
          const some = units
            .slice(at, at + kAtATime)
            .map((paths) => Promise.all(paths.map(async (path) => parsed(await promises.readFile(path, 'utf8')))))
          samples.push(...(await Promise.all(some)))
        }
        return samples
      }, context),
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
  if (!made.delete(context)) return
  const { folder, real, cgroups } = context
  if (!real) return rmSync(folder, { recursive: true })
  for (const path of [...names(cgroups).map((name) => join(folder, name)), folder])
    if (existsSync(path)) rmdirSync(path)
}
