import { setTimeout as sleep } from 'node:timers/promises'
import { startAsked } from '../agent/asked.mjs'
import { startForwarder } from '../agent/forwarder.mjs'
import { cpuUs, memoryKiB } from '../agent/process.mjs'
import { buildScene } from '../agent/scene.mjs'
import { amount } from '../lib/amount.mjs'
import { slopeOf, spreadOf } from '../lib/statistics.mjs'

const kPerSecond = 10_000
const minute = 60_000
const hour = { ms: 60 * minute, warmUpMs: 5 * minute, everyMs: 10_000, endMs: 10 * minute }
const moment = { ms: 2000, warmUpMs: 500, everyMs: 100, endMs: 500 }
const instant = { ms: 500, warmUpMs: 100, everyMs: 50, endMs: 200 }
/** What a slope is told per. */
const kSlopeMs = 10 * minute
const kDrainLimitMs = 120_000

function setUp() {
  return buildScene(async (own) => {
    const sink = own(startAsked('./soak-sink.mjs'))
    const address = await sink.answer()
    return { sink, load: own(startAsked('./soak-load.mjs')), agent: own(await startForwarder(address, true)) }
  })
}

/** Looks at a process until `over` settles, and once more then. */
async function watch(pid, everyMs, over) {
  const samples = []
  const start = performance.now()
  const look = () => {
    const { rss, anon, peak } = memoryKiB(pid)
    samples.push({ x: performance.now() - start, rss: rss / 1024, anon: anon / 1024, peak: peak / 1024 })
  }
  let done = false
  over.finally(() => {
    done = true
  })
  for (let n = 1; !done; n++) {
    look()
    await Promise.race([over, sleep(start + n * everyMs - performance.now())])
  }
  look()
  return samples
}

/** Those of a time; of one in which this process stood still, which takes little of an hour and may be all of half a second, all of them. */
function within(samples, from, to) {
  const some = samples.filter(({ x }) => x >= from && x <= to)
  return some.length > 1 ? some : samples
}

/** Waits until all of it has come. */
async function arrived(sink, wanted) {
  for (const end = performance.now() + kDrainLimitMs; ; await sleep(20)) {
    const told = await sink.ask('what')
    if (told.distinct >= wanted || performance.now() > end) return told
  }
}

async function run({ sink, load, agent }, options) {
  const { ms, warmUpMs, everyMs, endMs } = amount(options, { whole: hour, quick: moment, once: instant })
  const cpu = cpuUs(agent.pid)
  const sending = load.ask({ address: agent.address, perSecond: kPerSecond, ms })
  const samples = within(await watch(agent.pid, everyMs, sending), warmUpMs, ms)
  const sent = await sending
  if (typeof sent === 'string') throw new Error(sent)
  const cpuPercent = (cpuUs(agent.pid) - cpu) / sent.ms / 10
  const { distinct, twice, damaged } = await arrived(sink, sent.acknowledged)
  const { received, exported, dropped } = await agent.stop()
  const account = JSON.stringify({ received, exported, dropped })
  if (received !== exported || received !== sent.acknowledged || Object.keys(dropped).length > 0)
    throw new Error(`the agent's account does not fit ${sent.acknowledged} acknowledged: ${account}`)
  const median = (from, to) => spreadOf(within(samples, from, to).map(({ rss }) => rss)).median
  const slope = (what) => slopeOf(samples.map((sample) => ({ x: sample.x / kSlopeMs, y: sample[what] })))
  return {
    rssSlope: slope('rss'),
    anonSlope: slope('anon'),
    peak: samples.at(-1).peak,
    rssFirst: median(warmUpMs, warmUpMs + endMs),
    rssLast: median(ms - endMs, ms),
    perSecond: sent.acknowledged / sent.ms,
    items: sent.acknowledged / 1e6,
    lost: sent.acknowledged - distinct + damaged,
    twice,
    cpuPercent,
  }
}

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'delivery-soak',
  question: 'Does the agent hold its memory, and lose nothing, while it passes on 10,000 spans a second for an hour?',
  notes:
    'OTLP/gRPC in, queue on disk, OTLP/gRPC out; sender, agent and backend are a process each. The sender numbers the spans and sends them in requests of ' +
    '512 until each is answered OK; the backend keeps book of the numbers, and checks the sum of the bytes of each span. Memory is looked at every 10 s; the ' +
    'first 5 minutes are warm-up. Slope: the median of the slopes of all pairs of looks (Theil-Sen). Peak: VmHWM, the start included; 150 MB are 143 MiB. ' +
    "Lost: acknowledged by the agent, and not with the backend as it was sent; the agent's own account must say the same, or there is no result.",
  takes: 'an hour',
  unmoved: true,
  figures: {
    rssSlope: { title: 'RSS MiB per 10 min', ratio: true },
    anonSlope: { title: 'RssAnon MiB per 10 min' },
    peak: { title: 'peak RSS MiB' },
    rssFirst: { title: 'RSS MiB, minutes 5 to 15' },
    rssLast: { title: 'the last 10' },
    perSecond: { title: 'k spans/s' },
    items: { title: 'million spans' },
    lost: { title: 'lost' },
    twice: { title: 'twice' },
    cpuPercent: { title: '% of a core' },
  },
  rounds: 1,
  warmUps: 0,
  setUp,
  tearDown: (scene) => scene.close(),
  ways: [{ name: 'unitscope', run }],
  gates: [
    { figure: 'rssSlope', way: 'unitscope', atMost: 1 },
    { figure: 'peak', way: 'unitscope', atMost: 143 },
    { figure: 'lost', way: 'unitscope', atMost: 0 },
    { figure: 'perSecond', way: 'unitscope', atLeast: 9.9 },
  ],
}
