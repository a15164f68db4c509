import { setTimeout as sleep } from 'node:timers/promises'
import { allRead, hostConfig, kCompilingMs, patterns, startAgent, synchronised } from '../agent/agent.mjs'
import { startFileSink } from '../agent/file-sink.mjs'
import { addQuietUnits, bootLab, labMissing, writeStorm } from '../agent/lab.mjs'
import { startFloor, startIdle, startIdleWithAddon, trafficOf } from '../agent/least.mjs'
import { cpuByRole } from '../agent/process.mjs'
import { buildScene } from '../agent/scene.mjs'
import { startSink } from '../agent/sink.mjs'
import { agesOf, sharedWindow, watchProcesses } from '../agent/window.mjs'

const kUnits = 1000
/** As in `agent-load`. */
const kCrashing = 104
/** Two collection intervals: no process of which one begins at an edge has one more than another. */
const kWindowMs = 20_000
const kQuickWindowMs = 5000

const whole = 'unitscope, all of pipelines/host.yaml'
const plain = 'unitscope, events and samples alone'
const floor = 'signals read, requests of ready bytes'
const pooled = `${floor}, the file through libuv`
const bare = 'node -e "setInterval(...)"'
const loaded = '... and the addon'

const points = [{ name: 'to OTLP' }, { name: 'to OTLP and a file', file: true }]

function setUp({ file }, { quick }) {
  return buildScene(async (own) => {
    const lab = own(await bootLab())
    const crashing = writeStorm(lab, kCrashing, 1000)
    await addQuietUnits(lab, 0, kUnits - kCrashing)
    const sinks = { [whole]: own(await startSink()), [plain]: own(await startSink()), [floor]: own(await startSink()) }
    const files = file
      ? Object.fromEntries([whole, plain, floor, pooled].map((way) => [way, own(startFileSink())]))
      : {}
    const all = await hostConfig(lab, sinks[whole].address, { file: files[whole]?.path })
    const agents = {
      [whole]: own(startAgent(all.config)),
      [plain]: own(startAgent(await plainConfig(lab, sinks[plain].address, files[plain]?.path))),
    }
    // Units are read before it storms: two agents that read a thousand in a storm take minutes.
    for (const agent of Object.values(agents)) await agent.logged(synchronised)
    await allRead(all.port)
    await lab.systemctl('start', '--no-block', ...crashing)
    await sleep(quick ? 0 : kCompilingMs)
    const traffic = await trafficBy(sinks[plain], quick ? kQuickWindowMs : kWindowMs)
    const startOne = (...to) => own(startFloor(lab, sinks[floor].address, traffic, to))
    const floors = file
      ? { [floor]: startOne(files[floor].path, 'sync'), [pooled]: startOne(files[pooled].path, 'libuv') }
      : { [floor]: startOne() }
    const processes = { ...agents, ...floors, [bare]: own(startIdle()), [loaded]: own(startIdleWithAddon()) }
    await sleep(quick ? 0 : kCompilingMs)
    const pids = Object.fromEntries(Object.entries(processes).map(([way, { pid }]) => [way, pid]))
    const window = sharedWindow(() => watch({ pids, sinks, files, floors }, quick ? kQuickWindowMs : kWindowMs))
    return { window }
  })
}

/** Events and metrics are sent; causes, incidents, patterns, spans and a page for Prometheus are not made. */
async function plainConfig(lab, address, file) {
  const { config } = await hostConfig(lab, address, {
    file,
    without: ['dependency', 'incident', ...patterns, 'lifecycle_spans'],
  })
  const { pipelines } = config.service
  pipelines.units = { ...pipelines.units, receivers: ['systemd', 'cgroup'], exporters: ['otlp'] }
  delete config.exporters.prometheus
  delete config.receivers.self_telemetry
  return config
}

/** What an agent sends that concludes nothing: the least programs send as much. */
async function trafficBy(sink, ms) {
  await sink.clear()
  await sleep(ms)
  return trafficOf(await sink.take(), ms)
}

async function watch({ pids, sinks, files, floors }, ms) {
  for (const sink of Object.values(sinks)) await sink.clear()
  for (const file of Object.values(files)) file.clear()
  const counts = async () => Promise.all(Object.values(floors).map((each) => each.counts()))
  const roles = () => Object.entries(pids).map(([way, pid]) => [way, cpuByRole(pid)])
  const countsBefore = await counts()
  const before = Object.fromEntries(roles())
  const start = performance.now()
  const watched = await watchProcesses(pids, ms)
  const share = (us) => us / (performance.now() - start) / 10
  const figures = Object.fromEntries(
    roles().map(([way, after]) => [
      way,
      {
        ...watched[way],
        ...Object.fromEntries(Object.entries(after).map(([role, us]) => [role, share(us - before[way][role])])),
      },
    ]),
  )
  for (const [i, now] of (await counts()).entries()) check(now, countsBefore[i])
  for (const [way, sink] of Object.entries(sinks)) {
    const { requests } = await sink.take()
    const sent = requests.logs + requests.metrics + requests.traces
    // Two of the least programs share a sink.
    figures[way].requests = ((sent / ms) * 1000) / (way === floor ? Object.keys(floors).length : 1)
  }
  for (const [way, file] of Object.entries(files)) {
    const { events } = file.take()
    if (events.length === 0) throw new Error(`${way} wrote no event`)
    Object.assign(figures[way], { events: (events.length / ms) * 1000, ...agesOf(events, 'happened') })
  }
  return figures
}

function check(now, before) {
  for (const key of ['records', 'changes', 'requests'])
    if (now[key] === before[key]) throw new Error(`the least program has no ${key}`)
  if (now.failed > 0) throw new Error(`${now.failed} requests of the least program failed`)
}

/** @type {import('../lib/case.d.mts').Way<any, any>[]} */
const ways = [whole, plain, floor, pooled, bare, loaded].map((name) => ({
  name,
  skip: ({ file }) => (name === pooled && !file ? 'writes no file' : undefined),
  run: async ({ window }) => await window(name),
}))

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'agent-floor',
  question: `Of what the agent costs where much happens to ${kUnits} units, how much is the runtime's, and how much would the least program take?`,
  notes:
    `The scene of [agent-load](#agent-load): a real systemd with ${kUnits} services, of which ${kCrashing} crash about once a second. All ways run side by side ` +
    'and are watched in the same windows of two collection intervals, a minute after the last of them started. So read the ratios; there are no gates, for the ' +
    'absolute figures are of a machine that all of them share. Events and samples alone: `systemd` and `cgroup` by way of `memory_limiter` and `batch` to `otlp`, without causes, incidents, patterns, spans, `self_telemetry` and `prometheus`. The least program (`consumers/floor.mjs`) has no model and no features: the native reader drained into ' +
    'objects, a native reading of all cgroups each 10 s, and as many requests to OTLP a second, of as many bytes, as that agent sends, made once ' +
    "and sent over `node:http2`. To a file it writes a line for each batch of changes, in JSON, at once (`writeSync`) or through libuv. Threads: the addon's read the bus " +
    "and cgroups; helpers are V8's, which compile and collect garbage, and libuv's. Age: from systemd's own timestamp of the change to its line in the file.",
  figures: {
    cpuPercent: { title: '% of a core', ratio: true },
    main: { title: 'of it main thread' },
    addon: { title: "the addon's" },
    helpers: { title: 'helpers' },
    wakeups: { title: 'wake-ups/s' },
    requests: { title: 'requests/s' },
    anon: { title: 'RssAnon MiB' },
    rss: { title: 'RSS MiB' },
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
  warmUps: 0,
  unavailable: labMissing,
  setUp,
  tearDown: (scene) => scene.close(),
  ways,
  gates: [],
}
