import { setTimeout as sleep } from 'node:timers/promises'
import { startCommand } from '../../test/support/start-command.mjs'
import { hostConfig, startAgent, synchronised } from '../agent/agent.mjs'
import { addQuietUnits, bootLab, labMissing, startStorm } from '../agent/lab.mjs'
import { memoryKiB } from '../agent/process.mjs'
import { buildScene } from '../agent/scene.mjs'
import { startSink } from '../agent/sink.mjs'
import { watchProcesses } from '../agent/window.mjs'

const kUnits = 1000
const kCrashing = 104
/** Two collections and a garbage collection of the old space or two. */
const kWindowMs = 20_000
const kQuickWindowMs = 5000
/** Garbage makes it go up and down: one look at the end would be chance. */
const kLookMs = 500

const points = [
  { name: 'at rest', crashing: 0 },
  { name: '350 events/s', crashing: kCrashing },
]

function setUp({ crashing }) {
  return buildScene(async (own) => {
    const lab = own(await bootLab())
    await addQuietUnits(lab, 0, kUnits - crashing)
    if (crashing > 0) await startStorm(lab, crashing, 1000)
    return { lab, sink: own(await startSink()) }
  })
}

/** An agent of its own for each run, from its start: the reading of all units at the start is its highest point. */
async function run({ lab, sink }, { quick }, start) {
  const { config } = await hostConfig(lab, sink.address)
  const agent = startAgent(config, start)
  const ms = quick ? kQuickWindowMs : kWindowMs
  try {
    await agent.logged(synchronised)
    await sleep(ms) // what the start has left behind goes back
    const looks = []
    const { it } = await watchProcesses({ it: agent.pid }, ms, async () => {
      for (const end = performance.now() + ms; performance.now() < end; await sleep(kLookMs))
        looks.push(memoryKiB(agent.pid).anon / 1024)
    })
    await sink.clear()
    const anon = looks.reduce((sum, one) => sum + one, 0) / looks.length
    return { anon, most: Math.max(...looks), rss: it.rss, peak: it.peak, cpuPercent: it.cpuPercent }
  } finally {
    await agent.close()
  }
}

const { flags, env } = startCommand
const but = (name) => ({
  flags: flags.filter((flag) => !flag.startsWith(name)),
  env: Object.fromEntries(Object.entries(env).filter(([variable]) => variable !== name)),
})
const and = (flag) => ({ flags: [...flags, flag], env })

/** @type {readonly (readonly [string, Parameters<typeof startAgent>[1]])[]} */
const choices = [
  ['as the program starts itself', startCommand],
  ['no settings', { flags: [], env: {} }],
  ['but --max-semi-space-size', but('--max-semi-space-size')],
  ['but --heap-growing-percent', but('--heap-growing-percent')],
  ['but --no-allocation-site-pretenuring', but('--no-allocation-site-pretenuring')],
  ['but --no-memory-reducer', but('--no-memory-reducer')],
  ['but MALLOC_ARENA_MAX', but('MALLOC_ARENA_MAX')],
  ['but MALLOC_MMAP_THRESHOLD_', but('MALLOC_MMAP_THRESHOLD_')],
  ['and --optimize-for-size', and('--optimize-for-size')],
  ['and --single-threaded-gc', and('--single-threaded-gc')],
]

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'memory-flags',
  question: "What do Node's and the allocator's settings do to the agent's memory, and at what price?",
  notes:
    `pipelines/host.yaml on a real systemd with ${kUnits} services; under load ${kCrashing} of them crash about once a second, which is 350 events a ` +
    'second. A new agent for each run; the window of 20 s begins 20 s after it has read all units. Private memory is looked at twice a second; RSS at the ' +
    'end; the peak is that of the whole life. "But" and "and": as the program starts itself, with one setting less or more.',
  figures: {
    anon: { title: 'RssAnon MiB, mean', ratio: true },
    most: { title: 'RssAnon MiB, most' },
    rss: { title: 'RSS MiB' },
    peak: { title: 'peak RSS MiB' },
    cpuPercent: { title: '% of a core' },
  },
  points,
  rounds: 1,
  warmUps: 0,
  unavailable: labMissing,
  setUp,
  tearDown: (scene) => scene.close(),
  ways: choices.map(([name, start]) => ({ name, run: (scene, options) => run(scene, options, start) })),
  gates: [],
}
