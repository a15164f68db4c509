import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startCommand } from '../../test/support/start-command.mjs'
import { hostConfig, processors, startAgent } from '../agent/agent.mjs'
import { addQuietUnits, bootLab, labMissing } from '../agent/lab.mjs'
import { partOfHost } from '../agent/part.mjs'
import { memoryKiB } from '../agent/process.mjs'
import { buildScene } from '../agent/scene.mjs'
import { startSink } from '../agent/sink.mjs'

const kUnits = 50
/** Two collections, and what the start has left behind went back. */
const kSettleMs = 25_000
const kQuickSettleMs = 8000
/** A collection takes some 10 ms; V8 gives the pages back beside other work, on a busy machine not within a second. */
const kCollectMs = 3000

const running = /"message":"running"/

function setUp() {
  return buildScene(async (own) => {
    const lab = own(await bootLab())
    await addQuietUnits(lab, 0, kUnits)
    const folder = mkdtempSync(join(tmpdir(), 'unitscope-bench-'))
    own({ close: () => rmSync(folder, { recursive: true }) })
    return { lab, sink: own(await startSink()), folder }
  })
}

function measured(pid) {
  const { rss, anon, malloc } = memoryKiB(pid)
  const file = rss - anon
  return { anon: anon / 1024, malloc: malloc / 1024, heap: (anon - malloc) / 1024, file: file / 1024, rss: rss / 1024 }
}

/** Node alone, waiting for a timer. */
async function bareNode(_, { quick }) {
  const argv = [...startCommand.flags, '-e', 'setInterval(() => {}, 1000)']
  const node = spawn(process.execPath, argv, { env: { ...process.env, ...startCommand.env }, stdio: 'ignore' })
  try {
    await sleep(quick ? kQuickSettleMs : kSettleMs)
    return measured(node.pid)
  } finally {
    node.kill('SIGKILL')
    await once(node, 'close')
  }
}

/** An agent of these components of pipelines/host.yaml, in one pipeline, by these settings of Node; `ready(pid)` precedes the look. */
function agentWay(name, parts, start = startCommand, ready = () => {}) {
  return {
    name,
    async run({ lab, sink, folder }, { quick }) {
      const { config } = await hostConfig(lab, sink.address)
      const agent = startAgent(partOfHost(config, parts, { file: { path: join(folder, 'events.jsonl') } }), start)
      try {
        await agent.logged(running)
        await sleep(quick ? kQuickSettleMs : kSettleMs)
        await sink.clear()
        await ready(agent.pid)
        return measured(agent.pid)
      } finally {
        await agent.close()
      }
    },
  }
}

const collector = { flags: ['--import', new URL('../agent/collect-on-signal.mjs', import.meta.url).href], env: {} }

async function collect(pid) {
  process.kill(pid, 'SIGUSR2')
  await sleep(kCollectMs)
}

const receivers = ['systemd', 'cgroup', 'self_telemetry']
const exporters = ['otlp', 'prometheus']
const whole = 'unitscope, all of pipelines/host.yaml'

/** @type {import('../lib/case.d.mts').Case<any>} */
export default {
  id: 'memory-parts',
  question: "How much of the agent's memory is Node's, and what does each part of ours add?",
  notes:
    `On a real systemd with ${kUnits} services at rest, two collections after the start; all with the flags and variables by which the program starts ` +
    "itself, but for the last two rows; what is left after a collection is what `memory_limiter` must leave room for. Private memory (RssAnon) is malloc's (`[heap]`) and what is mapped: the JavaScript heap, its machine code, large " +
    'blocks, stacks. Pages of files, the program of Node above all, are shared with every other Node on the machine; no setting moves them, and ' +
    'the more of the program is used the more of them count as resident.',
  figures: {
    anon: { title: 'RssAnon MiB', ratio: true },
    malloc: { title: 'of it malloc' },
    heap: { title: 'of it mapped' },
    file: { title: 'pages of files MiB' },
    rss: { title: 'RSS MiB' },
  },
  rounds: 2,
  warmUps: 0,
  unavailable: labMissing,
  setUp,
  tearDown: (scene) => scene.close(),
  ways: [
    agentWay(whole, { receivers, processors, exporters }),
    agentWay('... to otlp alone', { receivers, processors, exporters: ['otlp'] }),
    agentWay('... to prometheus alone', { receivers, processors, exporters: ['prometheus'] }),
    agentWay('... to a file alone', { receivers, processors, exporters: ['file'] }),
    agentWay('systemd to a file', { receivers: ['systemd'], exporters: ['file'] }),
    agentWay('cgroup to a file', { receivers: ['cgroup'], exporters: ['file'] }),
    agentWay('self_telemetry to a file', { receivers: ['self_telemetry'], exporters: ['file'] }),
    { name: 'node -e "setInterval(...)"', run: bareNode },
    agentWay(`${whole}, no flags`, { receivers, processors, exporters }, { flags: [], env: {} }),
    agentWay('... no flags, after a collection', { receivers, processors, exporters }, collector, collect),
  ],
  gates: [{ figure: 'anon', way: whole, atMost: 19.5 }],
}
