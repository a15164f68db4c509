import { hostConfig, startAgent, synchronised } from '../agent/agent.mjs'
import { exporterMissing, startExporter } from '../agent/exporter.mjs'
import { addQuietUnits, bootLab, labMissing, startStorm } from '../agent/lab.mjs'
import { buildScene } from '../agent/scene.mjs'
import { startSink } from '../agent/sink.mjs'
import { startStandIn } from '../agent/stand-in.mjs'
import { agesOf, sharedWindow, watchProcesses } from '../agent/window.mjs'

/** One collection interval: each window has one collection, whatever its phase. */
const kWindowMs = 10_000
const kQuickWindowMs = 5000
/** Units that crash about once a second each: 350 events a second (failed, restarting, restarted, job finished). */
const kCrashing = 104
/** For events that are to be at the exporter's server within milliseconds, paid for with wake-ups and requests. */
const kLowLatency = { batch: { timeout: '4ms' } }
/** 10 k signals a second are 1,900 changes of state; the default passes on 1000 events a second. */
const kUnlimited = { systemd: { max_events_per_second: 100_000 } }

const lowLatencyPoint = '1000 units, 350 events/s, low latency'
const stormPoint = '1000 units, 350 events/s'
const points = [
  { name: '50 units, idle', units: 50 },
  { name: '1000 units, idle', units: 1000 },
  { name: stormPoint, units: 1000, crashing: kCrashing },
  { name: lowLatencyPoint, units: 1000, crashing: kCrashing, options: kLowLatency },
  { name: '1000 units, 1 k signals/s', units: 1000, rate: 1000 },
  { name: '1000 units, 10 k signals/s', units: 1000, rate: 10_000, options: kUnlimited },
  { name: '5000 units, idle', units: 5000 },
]

/** A real systemd at rest or with units that crash, or a stand-in that sends so many signals a second while it is watched. */
async function startSource(own, { units, crashing = 0, rate }) {
  if (rate !== undefined) {
    const source = await startStandIn(own, units)
    const during = async (ms) => {
      await source.flood.send((rate * ms) / 1000, rate)
    }
    return { ...source, during }
  }
  const lab = own(await bootLab())
  await addQuietUnits(lab, 0, units - crashing)
  if (crashing > 0) await startStorm(lab, crashing, 1000)
  return lab
}

function setUp(point, { quick }) {
  const { crashing, rate, options } = point
  const busy = crashing !== undefined || rate !== undefined
  return buildScene(async (own) => {
    const source = await startSource(own, point)
    const sink = own(await startSink())
    const exporter = busy || exporterMissing() !== undefined ? undefined : own(await startExporter(source))
    const { config } = await hostConfig(source, sink.address, options)
    const agent = own(startAgent(config))
    await agent.logged(synchronised)

    const window = sharedWindow(async () => {
      await sink.clear()
      const ms = quick ? kQuickWindowMs : kWindowMs
      const pids = { unitscope: agent.pid, ...(exporter && { node_exporter: exporter.pid }) }
      const seen = await watchProcesses(pids, ms, () => source.during?.(ms) ?? exporter?.scrape())
      const { events, metrics } = await sink.take()
      if (!quick && metrics === 0) throw new Error('the agent delivered no metrics in a whole interval')
      if (busy && events.length === 0) throw new Error('units changed and the agent delivered no event')
      // The stand-in repeats a state seconds later where systemd would at once, and some events are told only then.
      const since = rate === undefined ? 'happened' : 'read'
      const delivered = busy ? { events: (events.length / ms) * 1000, ...agesOf(events, since) } : {}
      return { ...seen, unitscope: { ...seen.unitscope, ...delivered } }
    })
    return { window }
  })
}

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'agent',
  question: 'What does the whole agent cost, at rest and at work, and how old are its events when they arrive?',
  notes:
    'The agent runs pipelines/host.yaml on a real systemd with real services (`sleep infinity`), its OTLP going to a gRPC server ' +
    'in another process. CPU is the time of all its threads on a CPU (schedstat) over a window of one collection interval, ' +
    'after a warm-up of one; memory is read at the end of a window. Both ways are measured in the same windows. An idle window of the agent is a ' +
    'collection of all states and cgroups and its delivery; one of node_exporter is a scrape of its systemd collector. ' +
    "Age: from systemd's own timestamp of the state change to the arrival of the request at the server. By default events " +
    'wait for company in the batch processor (`timeout: 200ms`); low latency is `timeout: 4ms` there. ' +
    'Signals/s come from a stand-in for systemd on a private dbus-daemon, with a cgroup for each unit; there the age is from the read(2) of the signal.',
  figures: {
    cpuPercent: { title: '% of a core', ratio: true },
    wakeups: { title: 'wake-ups/s' },
    rss: { title: 'RSS MiB' },
    anon: { title: 'RssAnon MiB' },
    pss: { title: 'PSS MiB' },
    peak: { title: 'peak RSS MiB' },
    events: { title: 'events/s' },
    p50: { title: 'age ms P50' },
    p95: { title: 'P95' },
    p99: { title: 'P99' },
  },
  points,
  rounds: 3,
  unavailable: labMissing,
  setUp,
  tearDown: (scene) => scene.close(),
  ways: [
    { name: 'unitscope', run: ({ window }) => window('unitscope') },
    {
      name: 'node_exporter',
      skip: ({ crashing, rate }) => (crashing || rate ? 'tells no events' : exporterMissing()),
      run: ({ window }) => window('node_exporter'),
    },
  ],
  gates: [
    { figure: 'cpuPercent', way: 'unitscope', point: '50 units, idle', atMost: 0.3 },
    { figure: 'cpuPercent', way: 'unitscope', point: stormPoint, atMost: 5 },
    { figure: 'cpuPercent', way: 'unitscope', point: lowLatencyPoint, atMost: 5 },
    { figure: 'p95', way: 'unitscope', point: lowLatencyPoint, atMost: 10 },
    // 20 MB base and 10 KB per unit, in MiB.
    { figure: 'anon', way: 'unitscope', point: stormPoint, atMost: 28.6 },
    { figure: 'rss', way: 'unitscope', point: stormPoint, atMost: 52.5 },
  ],
}
