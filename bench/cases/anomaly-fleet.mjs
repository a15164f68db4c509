import { amount } from '../lib/amount.mjs'
import { product } from '../lib/product.mjs'
import { lives } from '../patterns/healthy.mjs'
import { day, kStartMs, minute, week, weekdayOf } from '../patterns/machine.mjs'
import { Chance } from '../patterns/random.mjs'
import { chainOf, Replayer, StoryClock } from '../patterns/replay.mjs'
import { rateInterval } from '../patterns/score.mjs'

const unitsOf = { whole: 1000, quick: 20, once: 10 }
const weeksOf = { whole: 4, quick: 0.5, once: 0.1 }
/** Units that are by themselves begin on each day of the week. */
const kWeekdays = 7
const kEveryMs = 5 * minute
/** What is set, and one and a half times that: the limit of what may come of it. */
const kSetting = 0.1
const kMost = 0.15
/** The budget of all units out of the way: what is measured is the rate of each. */
const kNoBudget = 10_000

/**
 * Tells weeks of healthy units to the processor. Those of one host begin on one day of the week.
 *
 * @param {Record<string, unknown>} config @param {number} hosts that the units are spread over, each beginning a day after the one before
 */
async function live(config, hosts, context, options) {
  const weeks = amount(options, weeksOf)
  const count = amount(options, unitsOf)
  let found = 0
  for (let host = 0; host < hosts; host++) {
    const numbers = Array.from({ length: count }, (_, n) => n).filter(
      (n) => Math.floor(n / lives.length) % hosts === host,
    )
    found += await liveOn(config, kStartMs + host * day, numbers, weeks, context)
  }
  const unitWeeks = count * weeks
  return { rate: found / unitWeeks, rateHigh: rateInterval(found, unitWeeks)[1], found, unitWeeks }
}

/** How many are found. */
async function liveOn(config, startMs, numbers, weeks, { names, replayer, pool, unitResource }) {
  const units = numbers.map((n) => {
    const [, make] = lives[n % lives.length]
    return {
      resource: unitResource(pool, `unit-${n}.service`),
      life: make(new Chance(1000 + n * 77), weekdayOf(startMs)),
      cpu: 0,
      io: 0,
      waited: 0,
    }
  })
  const clock = new StoryClock(startMs)
  let found = 0
  const { first, processors } = await chainOf(
    replayer,
    [{ type: 'anomaly', config }],
    { clock, resources: pool },
    ({ events }) => {
      for (const { name } of events) if (name === 'pattern.anomaly.detected') found++
    },
  )
  for (let atMs = kEveryMs; atMs < weeks * week; atMs += kEveryMs) {
    clock.moveTo(atMs)
    const timeUnixNano = BigInt(startMs + atMs) * 1_000_000n
    const metrics = units.flatMap((unit) => readingOf(unit, atMs, timeUnixNano, names))
    await first.consume({ events: [], metrics, spans: [] })
  }
  for (const processor of processors) await processor.shutdown()
  return found
}

function readingOf(unit, atMs, timeUnixNano, names) {
  const { cpu, memory, io, tasks, pressure } = unit.life(atMs)
  const seconds = kEveryMs / 1000
  unit.cpu += cpu * seconds
  unit.io += io * seconds
  unit.waited += pressure * seconds
  const metric = (name, type, value, attributes = {}) => {
    const head = { name, unit: '1', description: '', type, valueType: 'double', monotonic: true }
    return { ...head, resource: unit.resource, points: [{ attributes, timeUnixNano, value }] }
  }
  return [
    metric(names.cpuTime, 'sum', unit.cpu),
    metric(names.memoryUsage, 'gauge', memory),
    metric(names.ioBytes, 'sum', unit.io),
    metric(names.pids, 'gauge', tasks),
    metric(names.pressureTime, 'sum', unit.waited, { 'systemd.pressure.kind': 'some' }),
  ]
}

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'anomaly-fleet',
  question: 'How often is a healthy unit told of as an anomaly, where 0.1 times a week is set?',
  notes:
    'A host of 1000 units of ten kinds (`bench/patterns/healthy.mjs`), of which nothing was known, for four weeks, with a reading of each every 5 minutes. They ' +
    'begin on each day of the week; those that share a budget, on a Tuesday. ' +
    'The upper bound is of a 95 % interval (Anscombe).',
  figures: {
    rate: { title: 'findings per unit and week', ratio: true },
    rateHigh: { title: 'at most' },
    found: { title: 'findings' },
    unitWeeks: { title: 'unit-weeks' },
  },
  rounds: 1,
  warmUps: 0,
  async setUp() {
    const { metric: names } = await product('lib/systemd/names.js')
    const { unitResource } = await product('lib/systemd/unit-resource.js')
    const { ResourcePool } = await product('data/resource.js')
    const pool = new ResourcePool({ 'host.name': 'bench' })
    return { names, unitResource, pool, replayer: await Replayer.load() }
  },
  ways: [
    {
      name: 'each unit by itself',
      run: (context, options) =>
        live({ false_alarms_per_week: kSetting, max_alarms_per_week: kNoBudget }, kWeekdays, context, options),
    },
    {
      name: 'with the budget of all units',
      run: (context, options) => live({ false_alarms_per_week: kSetting }, 1, context, options),
    },
  ],
  gates: [{ figure: 'rate', way: 'each unit by itself', atMost: kMost }],
}
