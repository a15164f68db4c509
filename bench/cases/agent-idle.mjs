import { setTimeout as sleep } from 'node:timers/promises'
import { hostConfig, kCompilingMs, startAgent, synchronised } from '../agent/agent.mjs'
import { exporterMissing, startExporter } from '../agent/exporter.mjs'
import { addQuietUnits, bootLab, labMissing } from '../agent/lab.mjs'
import { buildScene } from '../agent/scene.mjs'
import { startSink } from '../agent/sink.mjs'
import { sharedWindow, watchProcesses } from '../agent/window.mjs'

/** One collection interval: each window has one collection, whatever its phase. */
const kWindowMs = 10_000
const kQuickWindowMs = 5000
/** What the reading of thousands of units has left behind goes back to the kernel meanwhile. */
const kGivingBackMs = 20_000

const few = '50 units'
const points = [
  { name: few, units: 50, settleMs: kCompilingMs },
  { name: '1000 units', units: 1000, settleMs: kGivingBackMs },
  { name: '5000 units', units: 5000, settleMs: kGivingBackMs },
]

/** 20 MB and 10 KB for each unit, in MiB. */
function privateLimitMiB(units) {
  return Number(((20e6 + units * 10e3) / 2 ** 20).toFixed(1))
}

function setUp({ units, settleMs }, { quick }) {
  return buildScene(async (own) => {
    const lab = own(await bootLab())
    await addQuietUnits(lab, 0, units)
    const sink = own(await startSink())
    const exporter = exporterMissing() === undefined ? own(await startExporter(lab)) : undefined
    const { config } = await hostConfig(lab, sink.address)
    const agent = own(startAgent(config))
    await agent.logged(synchronised)
    await sleep(quick ? 0 : settleMs)
    const window = sharedWindow(async () => {
      await sink.clear()
      const pids = { unitscope: agent.pid, ...(exporter && { node_exporter: exporter.pid }) }
      const seen = await watchProcesses(pids, quick ? kQuickWindowMs : kWindowMs, () => exporter?.scrape())
      const { points: delivered } = await sink.take()
      if (!quick && delivered < units)
        throw new Error(`${delivered} points of ${units} units were delivered in an interval`)
      return seen
    })
    return { window }
  })
}

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'agent-idle',
  question: 'What does the whole agent cost on a host where nothing happens?',
  notes:
    'The agent runs pipelines/host.yaml on a real systemd with real services (`sleep infinity`), its OTLP going to a gRPC server ' +
    'in another process. CPU is the time of all its threads on a CPU (schedstat) over a window of one collection interval, ' +
    `after a warm-up of one, and at ${few} of another minute, for code that runs once per interval is compiled that late; memory ` +
    'is read at the end of a window. Both ways are measured in the same windows: one of the agent is a ' +
    'collection of all states and cgroups and its delivery, one of node_exporter a scrape of its systemd collector.',
  figures: {
    cpuPercent: { title: '% of a core', ratio: true },
    wakeups: { title: 'wake-ups/s' },
    rss: { title: 'RSS MiB' },
    anon: { title: 'RssAnon MiB' },
    pss: { title: 'PSS MiB' },
    peak: { title: 'peak RSS MiB' },
  },
  points,
  rounds: 3,
  unavailable: labMissing,
  setUp,
  tearDown: (scene) => scene.close(),
  ways: [
    { name: 'unitscope', run: ({ window }) => window('unitscope') },
    { name: 'node_exporter', skip: exporterMissing, run: ({ window }) => window('node_exporter') },
  ],
  gates: [
    { figure: 'cpuPercent', way: 'unitscope', point: few, atMost: 0.3 },
    ...points.map(({ name, units }) => ({
      figure: 'anon',
      way: 'unitscope',
      point: name,
      atMost: privateLimitMiB(units),
    })),
  ],
}
