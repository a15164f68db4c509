import { startCommand } from '../../test/support/start-command.mjs'
import { hostConfig, startAgent, synchronised } from '../agent/agent.mjs'
import { addQuietUnits, bootLab, labMissing, startStorm } from '../agent/lab.mjs'
import { buildScene } from '../agent/scene.mjs'
import { startSink } from '../agent/sink.mjs'
import { watchProcesses } from '../agent/window.mjs'

const kUnits = 1000
const kCrashing = 104
/** Two collections and a garbage collection of the old space or two. */
const kWindowMs = 20_000
const kQuickWindowMs = 5000

function setUp() {
  return buildScene(async (own) => {
    const lab = own(await bootLab())
    await addQuietUnits(lab, 0, kUnits - kCrashing)
    await startStorm(lab, kCrashing, 1000)
    return { lab, sink: own(await startSink()) }
  })
}

/** An agent of its own for each run, from its start: the reading of all units at the start is its highest point. */
async function run({ lab, sink }, { quick }, start) {
  const { config } = await hostConfig(lab, sink.address)
  const agent = startAgent(config, start)
  try {
    await agent.logged(synchronised)
    const { it } = await watchProcesses({ it: agent.pid }, quick ? kQuickWindowMs : kWindowMs)
    await sink.clear()
    const { rss, anon, peak, cpuPercent } = it
    return { rss, anon, peak, cpuPercent }
  } finally {
    await agent.close()
  }
}

/** @type {readonly (readonly [string, Parameters<typeof startAgent>[1]])[]} */
const choices = [
  ['as the program starts itself', startCommand],
  ['no flags', { flags: [], env: {} }],
  ['--max-semi-space-size=1', { flags: ['--max-semi-space-size=1'], env: {} }],
  ['--max-semi-space-size=2', { flags: ['--max-semi-space-size=2'], env: {} }],
  [
    '--max-semi-space-size=1 --optimize-for-size',
    { flags: ['--max-semi-space-size=1', '--optimize-for-size'], env: {} },
  ],
  ['MALLOC_ARENA_MAX=1', { flags: [], env: { MALLOC_ARENA_MAX: '1' } }],
]

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'memory-flags',
  question: "What do Node's and the allocator's settings do to the agent's memory, and at what price?",
  notes:
    `pipelines/host.yaml on a real systemd with ${kUnits} services, of which ${kCrashing} crash about once a second: 350 events a second. ` +
    'A new agent for each run; the window begins when it has read all units. Memory at the end of the window (20 s); the peak is ' +
    'that of the whole life, which is the reading of all units at the start.',
  figures: {
    rss: { title: 'RSS MiB', ratio: true },
    anon: { title: 'RssAnon MiB' },
    peak: { title: 'peak RSS MiB' },
    cpuPercent: { title: '% of a core' },
  },
  rounds: 2,
  warmUps: 0,
  unavailable: labMissing,
  setUp,
  tearDown: (scene) => scene.close(),
  ways: choices.map(([name, start]) => ({ name, run: (scene, options) => run(scene, options, start) })),
  gates: [],
}
