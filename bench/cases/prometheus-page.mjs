import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { amount } from '../lib/amount.mjs'
import { product } from '../lib/product.mjs'

/** Collections and pages of a run; each is some milliseconds' work. */
const repeatsOf = { whole: 6, quick: 2, once: 1 }
const kNsPerSecond = 1_000_000_000n
const kStartNs = 1_795_176_271n * kNsPerSecond

const points = [1000, 5000].map((units) => ({ name: `${units} units`, units }))

/** What the systemd and cgroup receivers send of running services, made by their own code: one batch per interval. */
async function machineOf(units) {
  const { UnitTracker } = await product('lib/systemd/unit-tracker.js')
  const { unloadedState } = await product('lib/systemd/unit-phase.js')
  const { unitResource } = await product('lib/systemd/unit-resource.js')
  const { sampleMetrics } = await product('receivers/cgroup/sample-metrics.js')
  const { cgroupFields } = await product('binding/cgroup-layout.js')
  const { ResourcePool } = await product('data/resource.js')
  const pool = new ResourcePool()
  const resource = (name) => unitResource(pool, name)
  const snapshots = []
  const subjects = []
  for (let n = 0; n < units; n++) {
    const name = `bench-unit-${n}.service`
    const activeEnterUsec = 1_795_176_000_000_000
    snapshots.push({ name, state: { ...unloadedState, activeState: 'active', subState: 'running', activeEnterUsec } })
    const traceId = (n + 1).toString(16).padStart(32, '0')
    const run = { traceId, spanId: traceId.slice(16) }
    subjects.push({ path: `/system.slice/${name}`, resource: resource(name), since: { startNs: kStartNs }, run })
  }
  const tracker = new UnitTracker({ scope: 'system', resources: pool })
  tracker.seed(snapshots, kStartNs)
  return {
    resource,
    /** @param intervalOf - in which a unit was read last; its numbers are those of that one */
    batch(interval, intervalOf = () => interval) {
      const nowNs = kStartNs + BigInt(interval) * 10n * kNsPerSecond
      const states = [...tracker.series.collect(() => nowNs)].flat()
      const resources = []
      subjects.forEach(
        (subject, n) => void sampleMetrics(resources, numbersOf(n, intervalOf(n), cgroupFields), subject, nowNs),
      )
      return { metrics: [...states, ...resources], events: [], spans: [] }
    },
  }
}

/** A reading of a busy service on a unified hierarchy, different at each interval, as the native reader's table has it. */
function numbersOf(n, interval, fields) {
  const work = (n + 1) * (interval + 1)
  const known = {
    cpuUserUsec: 1001 * work,
    cpuSystemUsec: 313 * work,
    cpuThrottledPeriods: 0,
    cpuThrottledUsec: 0,
    memoryCurrent: 4096 * (1000 + (work % 5000)),
    memoryPeak: 4096 * 6000,
    memorySwapCurrent: 0,
    pidsCurrent: 1 + (work % 7),
    pidsMax: 4915,
  }
  for (const name of ['cpuPressure', 'memoryPressure', 'ioPressure'])
    Object.assign(known, {
      [`${name}.someTotal`]: 17 * work,
      [`${name}.someAvg10`]: 10 * (work % 97),
      [`${name}.fullTotal`]: 5 * work,
      [`${name}.fullAvg10`]: 0,
    })
  const unknown = Object.keys(known).filter((name) => !fields.includes(name))
  if (unknown.length > 0) throw new Error(`the native table has no ${unknown.join(', ')}`)
  return { words: Float64Array.from(fields, (name) => known[name] ?? Number.NaN), at: 0, devicesAt: fields.length }
}

/** The exporter's own store and pages, as its consume() and a scrape use them. */
async function ours() {
  const { SeriesStore } = await product('exporters/prometheus/series-store.js')
  const { showsExemplars, writePage } = await product('exporters/prometheus/page.js')
  const { makePage } = await product('exporters/prometheus/page-cache.js')
  const { KeptText } = await product('exporters/prometheus/kept-text.js')
  const { openMetricsFormat } = await product('lib/openmetrics/exposition.js')
  const { inTurns } = await product('util/pausable.js')
  const wanted = new Set(['unitscope'])
  const limits = { maxSeries: 1_000_000, expirationMs: 300_000 }
  const store = new SeriesStore(limits, (head) => showsExemplars(head, wanted))
  let nowMs = 0
  let kept = new KeptText()
  let before
  return {
    consume({ metrics }) {
      nowMs += 10_000
      for (const metric of metrics) if (store.addMetric(metric, nowMs) > 0) throw new Error('no room')
    },
    async page() {
      await inTurns(store.expire(nowMs), () => performance.now())
      const pieces = writePage(store, wanted, openMetricsFormat, kept)
      before = await inTurns(makePage(pieces, { before }), () => performance.now())
      return before.plain.chunks
    },
    /** What is kept for the next page, as when nobody has scraped for minutes. */
    forgetText() {
      kept = new KeptText()
      before = undefined
    },
  }
}

/** prom-client as its documentation has it: a gauge for each name, set with an object of labels. */
async function promClient() {
  const { Gauge, Registry } = (await import('prom-client')).default
  const registry = new Registry()
  const gauges = new Map()
  const nameOf = (text) => text.replaceAll('.', '_')
  return {
    consume({ metrics }) {
      for (const { name, description, resource, points: each } of metrics) {
        let gauge = gauges.get(name)
        for (const { attributes, value } of each) {
          const labels = { unit: resource.attributes['systemd.unit.name'] ?? '' }
          for (const key of Object.keys(attributes)) labels[nameOf(key)] = String(attributes[key])
          if (gauge === undefined) {
            const labelNames = Object.keys(labels)
            gauge = new Gauge({ name: nameOf(name), help: description, labelNames, registers: [registry] })
            gauges.set(name, gauge)
          }
          gauge.set(labels, Number(value))
        }
      }
    },
    page: async () => [Buffer.from(await registry.metrics())],
    forgetText() {},
  }
}

function heapBytes() {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc')
  collect()
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

const cpuNs = ({ user, system }) => (user + system) * 1000

function samplesIn(chunks) {
  let samples = 0
  for (const line of Buffer.concat(chunks).toString().split('\n')) if (line !== '' && !line.startsWith('#')) samples++
  return samples
}

/** CPU of one interval. A function of its own, so that no variable of the caller keeps the batch. */
function consumeNs(way, machine, interval, intervalOf) {
  const batch = machine.batch(interval, intervalOf)
  const start = process.cpuUsage()
  way.consume(batch)
  return cpuNs(process.cpuUsage(start))
}

/** A function of its own for the same reason: a page is larger than what it is made of. */
async function samplesShown(way) {
  return samplesIn(await way.page())
}

const countPoints = (machine) => machine.batch(0).metrics.reduce((sum, { points: each }) => sum + each.length, 0)

/** @returns {import('../lib/case.d.mts').Way<any, any>} */
function way(name, open) {
  return {
    name,
    async run({ machine }, options) {
      const repeats = amount(options, repeatsOf)
      // Makes all that the receivers keep themselves, before memory is read.
      const series = countPoints(machine)
      const before = heapBytes()
      const way = await open()
      // Each point is replaced once: what is kept of a point must not be kept of the one before.
      consumeNs(way, machine, 1)
      consumeNs(way, machine, 2)
      const shown = await samplesShown(way)
      if (shown < series) throw new Error(`${name} shows ${shown} of ${series} series`)
      const scraped = heapBytes()
      way.forgetText()
      const kept = heapBytes() - before
      const text = scraped - before - kept
      let consumed = 0
      let written = 0
      let turn = 0
      await way.page()
      for (let n = 0; n < repeats; n++) {
        consumed += consumeNs(way, machine, n + 3)
        const start = process.cpuUsage()
        turn = Math.max(turn, await longestTurn(way.page))
        written += cpuNs(process.cpuUsage(start))
      }
      // From here on the numbers of `last`, but for a unit in a hundred.
      const last = repeats + 2
      let some = 0
      let none = 0
      for (let n = 0; n < repeats; n++) {
        const intervalOf = (unit) => (unit % 100 === 17 ? last + n + 1 : last)
        consumeNs(way, machine, last, intervalOf)
        some += await pageNs(way)
        consumeNs(way, machine, last, intervalOf)
        none += await pageNs(way)
      }
      return {
        page: written / repeats / series,
        some: some / repeats / series,
        none: none / repeats / series,
        consume: consumed / repeats / series,
        bytes: kept / series,
        text: text / series,
        turn,
        series,
      }
    },
  }
}

async function pageNs(way) {
  const start = process.cpuUsage()
  await way.page()
  return cpuNs(process.cpuUsage(start))
}

/** Milliseconds for which something else that was due had to wait. */
async function longestTurn(work) {
  let longest = 0
  let last = performance.now()
  let going = true
  const look = () => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
    if (going) setImmediate(look)
  }
  setImmediate(look)
  await new Promise(setImmediate)
  await work()
  going = false
  await new Promise(setImmediate)
  return longest
}

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'prometheus-page',
  question: 'What does a series cost that is kept for Prometheus: at each interval, at each scrape, and in memory?',
  notes:
    'Running services, their metrics made by the code of the systemd and cgroup receivers, anew for each interval and outside of ' +
    'what is measured. A page is OpenMetrics with exemplars, up to its bytes, uncompressed; every series was on it. Each interval has other numbers ' +
    'of every unit, then of one unit in a hundred, then the same as before. Memory is the heap ' +
    'and its buffers after a full collection, with all that is kept for a series between two scrapes, divided by their number; what ' +
    'is kept of its text, while somebody scrapes, apart. ' +
    'prom-client keeps no exemplars of gauges and forgets nothing by age.',
  figures: {
    page: { title: 'CPU ns per series and page', ratio: true },
    some: { title: 'the same, one unit in a hundred changed' },
    none: { title: 'the same, nothing changed' },
    consume: { title: 'CPU ns per point taken in' },
    bytes: { title: 'bytes kept per series' },
    text: { title: 'bytes of text kept per series' },
    turn: { title: 'ms the event loop is held up by a page' },
    series: { title: 'series' },
  },
  points,
  setUp: async ({ units }, options) => ({ machine: await machineOf(amount(options, { whole: units, once: 50 })) }),
  ways: [way('unitscope', ours), way('prom-client', promClient)],
  gates: points.flatMap(({ name: point }) => [
    { figure: 'page', way: 'unitscope', point, atMost: 1000 },
    { figure: 'some', way: 'unitscope', point, atMost: 150 },
    { figure: 'none', way: 'unitscope', point, atMost: 60 },
    { figure: 'consume', way: 'unitscope', point, atMost: 1000 },
    { figure: 'bytes', way: 'unitscope', point, atMost: 150 },
    { figure: 'text', way: 'unitscope', point, atMost: 150 },
    { figure: 'turn', way: 'unitscope', point, atMost: 20 },
  ]),
}
