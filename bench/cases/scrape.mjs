import { setTimeout as sleep } from 'node:timers/promises'
import { hostConfig, startAgent, synchronised } from '../agent/agent.mjs'
import { everything, exporterMissing, scrape, startExporter } from '../agent/exporter.mjs'
import { addQuietUnits, bootLab, labMissing } from '../agent/lab.mjs'
import { cpuUs } from '../agent/process.mjs'
import { buildScene } from '../agent/scene.mjs'
import { startSink } from '../agent/sink.mjs'
import { sharedWindow } from '../agent/window.mjs'

const kUnits = 1000
/** Half a minute each: with two minutes, what an idle agent does seldom (a full collection of garbage, a comparison with systemd's list) is in them as often as it happens. */
const kRounds = 4
/** The default collection interval of both receivers. */
const kIntervalMs = 10_000
/** With four rounds, two minutes: two comparisons with systemd's own list (`poll_interval`) are in them. */
const kSamples = 3
const kQuickSamples = 1
/** What runs once in ten seconds is compiled late: of a sample's CPU time 16 % goes to V8's compiler two minutes after the start (`perf`). */
const kSettledMs = 240_000
/** Of node_exporter, each the same work, far enough apart for the bus to come to rest. */
const kScrapes = 5
const kPauseMs = 300

const states = 'states of all units'
const all = 'all each can tell of units'
const points = [
  { name: states, choose: statesAlone, flags: [] },
  { name: all, choose: (config) => config, flags: everything },
]
const pushed = 'unitscope, sent by OTLP'
const scraped = 'unitscope, scraped'

/** What node_exporter's collector does by default, and no more. */
function statesAlone({ receivers: { systemd }, exporters, service: { pipelines } }) {
  const { exporters: to } = pipelines.units
  return {
    receivers: { systemd },
    exporters,
    service: { pipelines: { metrics: { receivers: ['systemd'], exporters: to } } },
  }
}

/** The same, with one exporter alone. */
function through(exporter, config) {
  const pipelines = Object.entries(config.service.pipelines).map(([id, one]) => [id, { ...one, exporters: [exporter] }])
  return {
    ...config,
    exporters: { [exporter]: config.exporters[exporter] },
    service: { pipelines: Object.fromEntries(pipelines) },
  }
}

function setUp({ choose, flags }, { quick }) {
  return buildScene(async (own) => {
    const lab = own(await bootLab())
    await addQuietUnits(lab, 0, kUnits)
    const sink = own(await startSink())
    const exporter = exporterMissing() === undefined ? own(await startExporter(lab, flags)) : undefined
    const { config, port } = await hostConfig(lab, sink.address)
    const sender = own(startAgent(through('otlp', choose(config))))
    await sender.logged(synchronised)
    const shown = own(startAgent(through('prometheus', choose(config))))
    await shown.logged(synchronised)
    await sleep(quick ? 0 : kSettledMs)
    const agents = sharedWindow(() =>
      agentSamples({ lab, sink, port, sender, shown }, quick ? kQuickSamples : kSamples),
    )
    return { agents, lab, exporter }
  })
}

/** CPU milliseconds of each reader, PID 1 and the bus server for one of the samples taken in `body`. */
async function perSample(lab, pids, samples, body) {
  const read = () => [lab.pid1, lab.busPid(), ...pids].map(cpuUs)
  const before = read()
  const series = await body()
  const [pid1, bus, ...owns] = read().map((us, i) => (us - before[i]) / 1000 / samples)
  return owns.map((own, i) => {
    if (series[i] < kUnits) throw new Error(`a sample of ${kUnits} units has ${series[i]} series`)
    return { total: own + pid1 + bus, own, pid1, bus, series: series[i] }
  })
}

/** Both agents in the same time: what they cost PID 1 and the bus together counts for each. */
async function agentSamples({ lab, sink, port, sender, shown }, samples) {
  const [a, b] = await perSample(lab, [sender.pid, shown.pid], samples, async () => {
    await sink.clear()
    let onPage = 0
    for (let i = 0; i < samples; i++) {
      await sleep(kIntervalMs)
      onPage = await scrape(port)
    }
    return [(await sink.take()).points / samples, onPage]
  })
  return { [pushed]: a, [scraped]: b }
}

async function exporterSamples({ lab, exporter }) {
  const [it] = await perSample(lab, [exporter.pid], kScrapes, async () => {
    let series = 0
    for (let i = 0; i < kScrapes; i++) {
      series = await exporter.scrape()
      await sleep(kPauseMs)
    }
    return [series]
  })
  return it
}

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'scrape',
  question: `What does it cost the whole host to have the metrics of ${kUnits} units once more?`,
  notes:
    'CPU time of the reader, of PID 1 and of the bus server together, for one sample, on a real systemd at rest. Of the agent: a collection interval of 10 s ' +
    'with what leaves in it, by OTLP to a server or as a page that is scraped; over two minutes, so that its pings and its ' +
    'comparison with systemd are in it, and four minutes after its start, when V8 has compiled most of what runs so seldom. Of node_exporter: a scrape. "All" is the agent on pipelines/host.yaml, which adds cgroups and ' +
    'its own telemetry, beside node_exporter with tasks, restarts and start times. The agent tells more series of each unit.',
  figures: {
    total: { title: 'CPU ms per sample', ratio: true },
    own: { title: 'its own' },
    pid1: { title: 'of PID 1' },
    bus: { title: 'of the bus' },
    series: { title: 'series' },
  },
  points,
  rounds: kRounds,
  warmUps: 0,
  unavailable: labMissing,
  setUp,
  tearDown: (scene) => scene.close(),
  ways: [
    { name: pushed, run: ({ agents }) => agents(pushed) },
    { name: scraped, run: ({ agents }) => agents(scraped) },
    { name: 'node_exporter', skip: exporterMissing, run: exporterSamples },
  ],
  gates: points.flatMap(({ name: point }) =>
    [pushed, scraped].map((over) => ({ figure: 'total', way: 'node_exporter', over, point, atLeast: 10, aim: 25 })),
  ),
}
