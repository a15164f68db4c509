// Reading the same files of the same cgroups three ways, in one run: the native reader (pread on cached descriptors, one
// call), fs.readFileSync and fs.promises.readFile, each followed by what it takes to have a sample object per cgroup.
//
//   npm run build && sudo node bench/native-cgroup.mjs [--cgroups 1000] [--save]
//
// Needs root and a cgroup2 mount; makes its own cgroups below it and removes them. "hot" is one pass after the other,
// "cold" one pass per second, as in life. --save appends the result to bench/history/native-cgroup.jsonl.
import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, promises, readFileSync, rmdirSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'

const { values: options } = parseArgs({
  options: { cgroups: { type: 'string', default: '1000' }, save: { type: 'boolean', default: false } },
})
const count = Number(options.cgroups)
if (!Number.isInteger(count) || count < 1 || count > 10_000) throw new Error('--cgroups must be from 1 to 10000')

const dist = new URL('../build/js/', import.meta.url)
if (!existsSync(new URL('binding/native.js', dist))) throw new Error('build first: npm run build')
const { loadNative } = await import(new URL('binding/native.js', dist).href)
const { findCgroupMount } = await import(new URL('lib/cgroup/mount.js', dist).href)
const loaded = loadNative()
if (loaded.unavailable !== undefined) throw new Error(loaded.unavailable)
const mount = findCgroupMount(readFileSync('/proc/self/mountinfo', 'utf8'))?.path
if (mount === undefined) throw new Error('no cgroup2 file system is mounted')

const kHotPasses = 20
const kColdPasses = 5
const kFiles = ['cpu.stat', 'cpu.pressure', 'memory.pressure', 'io.pressure']
const kGroups = ['cpu', 'pressure']

const root = join(mount, `unitscope-bench-${process.pid}`)
const names = Array.from({ length: count }, (_, i) => `unit${i}.service`)
try {
  mkdirSync(root)
  for (const name of names) mkdirSync(join(root, name))
  await measure()
} finally {
  for (const name of names) remove(join(root, name))
  remove(root)
}

async function measure() {
  const opened = loaded.native.createCgroupReader({
    root,
    anyFilesystem: false,
    maxCgroups: 20_000,
    maxDepth: 4,
    groups: kGroups,
  })
  if (opened.unavailable !== undefined) throw new Error(opened.unavailable)
  const { reader } = opened
  const paths = names.map((name) => `/${name}`)
  const readers = {
    native: () => reader.read(paths).length,
    readFileSync: () =>
      names.map((name) => parseAll(kFiles.map((file) => readFileSync(join(root, name, file), 'utf8')))).length,
    promises: async () => {
      const samples = names.map(async (name) =>
        parseAll(await Promise.all(kFiles.map((file) => promises.readFile(join(root, name, file), 'utf8')))),
      )
      return (await Promise.all(samples)).length
    },
  }

  reader.scan()
  const result = { cgroups: count, files: kFiles.length, usPerCgroup: {} }
  for (const [name, pass] of Object.entries(readers)) {
    await pass()
    const hot = await times(kHotPasses, 0, pass)
    const cold = await times(kColdPasses, 1000, pass)
    result.usPerCgroup[name] = { hot, cold }
  }
  result.scanUsPerCgroup = await times(kHotPasses, 0, () => reader.scan().length - 1)
  result.reader = reader.stats()
  reader.close()
  report(result)
}

/** Median time per cgroup in microseconds. CPU time, not wall time: the promises wait in a thread pool. */
async function times(passes, pauseMs, pass) {
  const each = []
  for (let i = 0; i < passes; i++) {
    if (pauseMs > 0) await sleep(pauseMs)
    const start = process.cpuUsage()
    const read = await pass()
    const { user, system } = process.cpuUsage(start)
    if (read !== count) throw new Error(`read ${read} of ${count} cgroups`)
    each.push((user + system) / count)
  }
  each.sort((a, b) => a - b)
  return Math.round(each[Math.floor(each.length / 2)] * 100) / 100
}

/** The obvious parser: split, and numbers where they are wanted. */
function parseAll([cpu, ...pressures]) {
  const sample = {}
  for (const line of cpu.split('\n')) {
    const [key, value] = line.split(' ')
    if (key === 'usage_usec' || key === 'user_usec' || key === 'system_usec') sample[key] = BigInt(value)
  }
  sample.pressures = pressures.map((text) =>
    text.split('\n').map((line) => {
      const fields = line.split(' ')
      return { avg10: Number(fields[1]?.slice(6)), total: BigInt(fields[4]?.slice(6) ?? 0) }
    }),
  )
  return sample
}

function report(result) {
  const line = {
    date: new Date().toISOString(),
    commit: git('rev-parse', '--short', 'HEAD'),
    cpu: `${cpus().length} x ${cpus()[0]?.model}`,
    kernel: release(),
    node: process.version,
    ...result,
  }
  console.log(`${count} cgroups, ${kFiles.length} files each, CPU us per cgroup (median):`)
  for (const [name, { hot, cold }] of Object.entries(result.usPerCgroup)) {
    console.log(`  ${name.padEnd(14)} hot ${String(hot).padStart(8)}   cold ${String(cold).padStart(8)}`)
  }
  console.log(`  scan           hot ${String(result.scanUsPerCgroup).padStart(8)}`)
  console.log(JSON.stringify(line))
  if (options.save) appendFileSync(new URL('history/native-cgroup.jsonl', import.meta.url), `${JSON.stringify(line)}\n`)
}

function git(...args) {
  try {
    return execFileSync('git', args, { encoding: 'utf8' }).trim()
  } catch {
    return 'unknown'
  }
}

function remove(path) {
  try {
    rmdirSync(path)
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
  }
}
