// cgroup-receiver.mjs FOLDER KIND KEPT: the cgroup receiver as the agent has it, on a folder, keeping so many files open. KIND is `plain`
// for a folder that only looks like cgroups. Says `ready`, then answers each line of input with the costs of a sample.
import { existsSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { native, product } from '../lib/product.mjs'

const [folder, kind, kept] = process.argv.slice(2)
/** Before the first that counts: files that are not there are looked for now and then, and the compiler has to see them. */
const kWarmUps = 8

const { createCgroupReceiver } = await product('receivers/cgroup/cgroup.js')
const { schema } = await product('receivers/cgroup/config.js')
const { systemClock } = await product('util/clock.js')
const { ResourcePool } = await product('data/resource.js')
const { silentTelemetry } = await product('component/telemetry.js')
const { silentLogger } = await product('component/logger.js')
const surface = await native()

let fire = () => {}
let reported = () => {}
let arrived = () => {}
let reader
let points = 0

const settings = {
  id: { kind: 'receiver', type: 'cgroup', text: 'cgroup' },
  logger: silentLogger,
  telemetry: silentTelemetry,
  resources: new ResourcePool(),
  random: Math.random,
  clock: {
    ...systemClock,
    every(_, tick) {
      fire = tick
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
  metrics: Object.fromEntries(
    Object.entries(schema.properties.metrics.properties).map(([key, group]) => [key, group.default]),
  ),
  pressure_triggers: [],
  max_open_files: Number(kept),
}
const next = {
  async consume({ metrics }) {
    for (const metric of metrics) points += metric.points.length
    return { kind: 'ok' }
  },
}
const world = {
  open(options, onStalls) {
    const opened = surface.createCgroupReader({ ...options, anyFilesystem: kind === 'plain' }, onStalls)
    reader = opened.reader
    const sample = reader.sample.bind(reader)
    reader.sample = async () => {
      const table = await sample()
      arrived()
      return table
    }
    return opened
  },
  read: (path) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined),
  uid: 0,
}

/** CPU time of the reader's thread, ms. */
const nativeMs = () => reader.stats().threadCpuNs / 1e6

async function pass(start) {
  const told = new Promise((resolve) => {
    reported = resolve
  })
  await start()
  await told
  await nextTurn() // it is ready for the next one only now
}

async function costs() {
  points = 0
  const nativeBefore = nativeMs()
  const before = process.cpuUsage()
  await pass(fire)
  const { user, system } = process.cpuUsage(before)
  const cpu = { points, cpuMs: (user + system) / 1000, nativeMs: nativeMs() - nativeBefore }
  return { ...cpu, blockedMs: await longestTurn() }
}

/**
 * A second sample: the longest turn of the event loop, ms, from the arrival of the table on. By CPU time, which other processes
 * do not lengthen; before that the reader's thread would be in it.
 */
async function longestTurn() {
  let over = false
  let longest = 0
  let last = 0
  const turn = () => {
    const now = cpuMs()
    longest = Math.max(longest, now - last)
    last = now
    if (!over) setImmediate(turn)
  }
  arrived = () => {
    last = cpuMs()
    setImmediate(turn)
  }
  await pass(fire)
  over = true
  arrived = () => {}
  return longest
}

function cpuMs() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const receiver = createCgroupReceiver(settings, config, next, world)
await pass(() => receiver.start({ report: ({ state }) => state !== 'starting' && reported() }))
for (let i = 0; i < kWarmUps; i++) await pass(fire)
process.stdout.write('ready\n')
for await (const _ of createInterface(process.stdin)) process.stdout.write(`${JSON.stringify(await costs())}\n`)
await receiver.shutdown()
