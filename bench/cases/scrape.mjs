import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, hostConfig, startAgent, synchronised } from '../agent/agent.mjs'
import { everything, exporterMissing, scrape, startExporter } from '../agent/exporter.mjs'
import { addQuietUnits, bootLab, labMissing } from '../agent/lab.mjs'
import { cpuUs } from '../agent/process.mjs'
import { buildScene } from '../agent/scene.mjs'
import { startSink } from '../agent/sink.mjs'

const kUnits = 1000
/** The default collection interval of both receivers. */
const kIntervalMs = 10_000
/** Six collections and one comparison with systemd's own list (`poll_interval`): all that the agent does by itself. */
const kSamples = 6
const kQuickSamples = 1
/** Of node_exporter, each the same work, far enough apart for the bus to come to rest. */
const kScrapes = 5
const kPauseMs = 300

const states = 'states of all units'
const all = 'all each can tell of units'
const points = [
  { name: states, config: statesConfig, flags: [] },
  { name: all, config: hostConfig, flags: everything },
]

/** What node_exporter's collector does by default, and no more: states, over HTTP. */
async function statesConfig({ busAddress }) {
  const port = await freePort()
  const config = {
    receivers: { systemd: { address: busAddress } },
    exporters: { prometheus: { endpoint: `127.0.0.1:${port}` } },
    service: { pipelines: { metrics: { receivers: ['systemd'], exporters: ['prometheus'] } } },
  }
  return { config, port }
}

function setUp({ config: configure, flags }) {
  return buildScene(async (own) => {
    const lab = own(await bootLab())
    await addQuietUnits(lab, 0, kUnits)
    const sink = own(await startSink())
    const exporter = exporterMissing() === undefined ? own(await startExporter(lab, flags)) : undefined
    const { config, port } = await configure(lab, sink.address)
    const agent = own(startAgent(config))
    await agent.logged(synchronised)
    await sleep(kIntervalMs) // the first collection, and code that runs for the first time
    return { lab, exporter, agent, port }
  })
}

/** CPU milliseconds of a reader, PID 1 and the bus server for one of the samples taken in `body`, and what was in it. */
async function perSample({ lab }, pid, samples, body) {
  const read = () => [pid, lab.pid1, lab.busPid()].map(cpuUs)
  const before = read()
  const series = await body()
  const [own, pid1, bus] = read().map((us, i) => (us - before[i]) / 1000 / samples)
  if (series < kUnits) throw new Error(`a sample of ${kUnits} units has ${series} series`)
  return { total: own + pid1 + bus, own, pid1, bus, series }
}

async function agentSamples(scene, { quick }) {
  const samples = quick ? kQuickSamples : kSamples
  return perSample(scene, scene.agent.pid, samples, async () => {
    let series = 0
    for (let i = 0; i < samples; i++) {
      await sleep(kIntervalMs)
      series = await scrape(scene.port)
    }
    return series
  })
}

function exporterSamples(scene) {
  return perSample(scene, scene.exporter.pid, kScrapes, async () => {
    let series = 0
    for (let i = 0; i < kScrapes; i++) {
      series = await scene.exporter.scrape()
      await sleep(kPauseMs)
    }
    return series
  })
}

const ways = [
  { name: 'unitscope', run: agentSamples },
  { name: 'node_exporter', skip: exporterMissing, run: exporterSamples },
]

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'scrape',
  question: `What does it cost the whole host to have the metrics of ${kUnits} units once more?`,
  notes:
    'CPU time of the reader, of PID 1 and of the bus server together, for one sample that ends as a page of a Prometheus endpoint, on a ' +
    'real systemd at rest. Of the agent: six collection intervals of 10 s with a scrape in each, divided by six, so that its pings and ' +
    'its comparison with systemd each minute are in it. Of node_exporter: five scrapes. "All" is the agent on pipelines/host.yaml, which adds cgroups, ' +
    'its own telemetry and OTLP, beside node_exporter with tasks, restarts and start times.',
  figures: {
    total: { title: 'CPU ms per sample', ratio: true },
    own: { title: 'its own' },
    pid1: { title: 'of PID 1' },
    bus: { title: 'of the bus' },
    series: { title: 'series' },
  },
  points,
  rounds: 2,
  warmUps: 0,
  unavailable: labMissing,
  setUp,
  tearDown: (scene) => scene.close(),
  ways,
  gates: points.map(({ name: point }) => ({
    figure: 'total',
    way: 'node_exporter',
    over: 'unitscope',
    point,
    atLeast: 10,
    aim: 25,
  })),
}
