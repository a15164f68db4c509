import { setTimeout as sleep } from 'node:timers/promises'
import { allRead, hostConfig, kCompilingMs, patterns, startAgent, synchronised } from '../agent/agent.mjs'
import { startFileSink } from '../agent/file-sink.mjs'
import { addQuietUnits, bootLab, labMissing, startStorm } from '../agent/lab.mjs'
import { buildScene } from '../agent/scene.mjs'
import { startSink } from '../agent/sink.mjs'
import { startStandIn } from '../agent/stand-in.mjs'
import { agesOf, watchProcesses } from '../agent/window.mjs'
import { listening } from '../lib/listening.mjs'

const kUnits = 1000
/** One collection interval: each window has one collection, whatever its phase. */
const kWindowMs = 10_000
const kQuickWindowMs = 5000
const kFirstEventsMs = 30_000
/** Units that crash about once a second each: 350 events a second (failed, restarting, restarted, job finished). */
const kCrashing = 104
/** For events that are to be at the exporter's server within milliseconds, paid for with more and smaller requests. */
const kLowLatency = { queue: { request_interval: '0s' } }
/** 10 k signals a second are 1,900 changes of state; the default passes on 1000 events a second. */
const kUnlimited = { systemd: { max_events_per_second: 100_000 } }

const crashes = '350 events/s'
const crashesToFile = '350 events/s, at the file exporter'
const plain = `${crashesToFile}, nothing concluded from events`
const crashesQuickly = '350 events/s, low latency by OTLP'
const points = [
  { name: crashes },
  { name: crashesToFile, file: true },
  { name: plain, file: true, options: { without: ['dependency', 'incident', ...patterns] } },
  { name: crashesQuickly, options: kLowLatency },
  { name: '1 k signals/s', rate: 1000 },
  { name: '10 k signals/s', rate: 10_000, options: kUnlimited },
]

/** A real systemd with units that crash, or a stand-in that sends so many signals a second while it is watched. */
async function startSource(own, rate) {
  if (rate !== undefined) {
    const source = await startStandIn(own, kUnits)
    const during = async (ms) => {
      await source.flood.send((rate * ms) / 1000, rate)
    }
    return { ...source, during }
  }
  const lab = own(await bootLab())
  await addQuietUnits(lab, 0, kUnits - kCrashing)
  await startStorm(lab, kCrashing, 1000)
  return { ...lab, during: async () => {} }
}

function setUp({ rate, options, file }, { quick }) {
  return buildScene(async (own) => {
    const source = await startSource(own, rate)
    const sink = own(await startSink())
    const fileSink = file ? own(startFileSink()) : undefined
    const { config, port } = await hostConfig(source, sink.address, { ...options, file: fileSink?.path })
    const agent = own(startAgent(config))
    await agent.logged(synchronised)
    if (rate === undefined) await firstEvents(sink)
    await allRead(port)
    await sleep(quick ? 0 : kCompilingMs)
    // The stand-in repeats a state seconds later where systemd would at once, and some events are told only then.
    return { source, sink, fileSink, agent, since: rate === undefined ? 'happened' : 'read' }
  })
}

/** Until then it catches up with what happened while it read a thousand units. */
async function firstEvents(sink) {
  for (const end = performance.now() + kFirstEventsMs; (await sink.take()).events.length === 0; await sleep(100))
    if (performance.now() > end) throw new Error('units crash and the agent delivers no event')
}

async function run({ source, sink, fileSink, agent, since }, { quick }) {
  const ms = quick ? kQuickWindowMs : kWindowMs
  await sink.clear()
  fileSink?.clear()
  const { it } = await watchProcesses({ it: agent.pid }, ms, () => source.during(ms))
  const { events, points: delivered } = await sink.take()
  if (events.length === 0) throw new Error('units changed and the agent delivered no event')
  if (!quick && delivered < kUnits)
    throw new Error(`${delivered} points of ${kUnits} units were delivered in an interval`)
  return { ...it, events: (events.length / ms) * 1000, ...agesOf(fileSink?.take().events ?? events, since) }
}

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'agent-load',
  question: `What does the whole agent cost where much happens to ${kUnits} units, and how old are its events when they arrive?`,
  notes:
    'The agent runs pipelines/host.yaml, its OTLP going to a gRPC server in another process. Events/s: a real systemd with real ' +
    `services, of which ${kCrashing} crash about once a second. Signals/s: a stand-in for systemd on a private dbus-daemon, with a cgroup for ` +
    'each unit. CPU is the time of all threads on a CPU (schedstat) over a window of one collection interval, after a warm-up of one that begins a minute after all units are read, when V8 has compiled what runs often; ' +
    "memory is read at the end of a window. Age: from systemd's own timestamp of the change (of the stand-in's: from the read(2) of the signal) to the arrival of " +
    'the request at the server; at the file exporter, which stands beside the others, to its line in the file. Since it was read: from the read(2) of its signal, which is ' +
    'what the agent itself adds. Nothing concluded: without causes, incidents and patterns. By default events wait for company in the OTLP exporter ' +
    '(`request_interval: 200ms`) and in no other; low latency is `0s` there, and `timeout: 4ms` of `batch`.',
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
    own95: { title: 'P95 since it was read' },
  },
  points,
  rounds: 3,
  unavailable: () => labMissing() ?? listening.unavailable(),
  setUp,
  tearDown: (scene) => scene.close(),
  ways: [{ name: 'unitscope', run }],
  gates: [
    { figure: 'cpuPercent', way: 'unitscope', point: crashes, atMost: 5 },
    { figure: 'cpuPercent', way: 'unitscope', point: crashesToFile, atMost: 5 },
    { figure: 'p95', way: 'unitscope', point: crashesToFile, atMost: 10 },
    // 20 MB and 10 KB per unit, in MiB.
    { figure: 'anon', way: 'unitscope', point: crashes, atMost: 28.6 },
    { figure: 'rss', way: 'unitscope', point: crashes, atMost: 52.5 },
  ],
}
