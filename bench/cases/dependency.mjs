import { counter, crashLoops } from '../lib/crashes.mjs'
import { product } from '../lib/product.mjs'

const kUnits = 1000
/** What the others need: each hub has 99 of them, by a directive after the other. */
const kHubs = 10
const kDirectives = ['Requires', 'BindsTo', 'PartOf', 'Wants']
/** Units that crash once a second: as many as load the agent in `agent-load`. */
const kCrashing = 100
const kWarmUpSeconds = 10
const kSeconds = 40
const kQuickSeconds = 10
const kRootCause = 'systemd.unit.root_cause'
/** Of the four events of a crash and its restart one is a failure. */
const kEventsPerFailure = 4

const hubs = Array.from({ length: kHubs }, (_, n) => `hub${n}.service`)
const workers = Array.from({ length: kUnits - kHubs }, (_, n) => `worker${n}.service`)

/** What systemd adds to each service by itself stands there too. */
function fill(graph) {
  for (const [n, unit] of [...hubs, ...workers].entries()) {
    const needed = n < kHubs ? [] : [hubs[n % kHubs]]
    const directive = kDirectives[Math.floor(n / kHubs) % kDirectives.length]
    const own = ['sysinit.target', 'system.slice', '-.mount']
    graph.update(
      unit,
      {
        [directive]: needed,
        Requires: directive === 'Requires' ? [...own, ...needed] : own,
        After: [...own, 'basic.target', 'systemd-journald.socket', ...needed],
        Conflicts: ['shutdown.target'],
      },
      'needs',
    )
  }
  // Said at the other end, of which nothing is replaced by the above.
  const all = [...hubs, ...workers]
  graph.update('multi-user.target', { Wants: all, After: all }, 'needs')
}

/** Where nobody says how units are, all count as up: the most there is to tell of. */
async function processorOf(next) {
  const { factory } = await product('processors/dependency/factory.js')
  const { unitGraphKeys } = await product('lib/dependencies/unit-graph.js')
  const { createTestConfig } = await product('testkit/create-test-config.js')
  const { testSettings } = await product('testkit/test-settings.js')
  const settings = testSettings('processor', 'dependency')
  fill(settings.shared.get(unitGraphKeys.system))
  return factory.create(settings, createTestConfig(factory.configSchema), next)
}

function way(name, open, isMarked) {
  return {
    name,
    async run({ loops }, { quick }) {
      const next = counter(kRootCause)
      const consumer = await open(next)
      const seconds = quick ? kQuickSeconds : kSeconds
      let us = 0
      for (let second = 0; second < kWarmUpSeconds + seconds; second++) {
        const batches = loops.round(second).map((events) => ({ events, metrics: [], spans: [] }))
        const start = process.cpuUsage()
        for (const batch of batches) await consumer.consume(batch)
        const { user, system } = process.cpuUsage(start)
        if (second >= kWarmUpSeconds) us += user + system
      }
      const failures = (kWarmUpSeconds + seconds) * kCrashing
      const { events, marked } = next.seen
      if (events !== failures * kEventsPerFailure || marked !== (isMarked ? failures : 0))
        throw new Error(`${name}: of ${failures} failures ${events} events came through, ${marked} explained`)
      return { us: us / (seconds * kCrashing) }
    },
  }
}

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'dependency',
  question: `What does it cost to say where a failure comes from and what it reaches, in a graph of ${kUnits} units?`,
  notes:
    `${kHubs} services are needed by 99 others each, by Requires=, BindsTo=, PartOf= or Wants=; all have what systemd adds to each service. ${kCrashing} units crash and are ` +
    'restarted, each once a second; the four events of one come in a batch, made outside of what is measured, and one of them is the failure. No unit counts as down, so all of an ' +
    'impact is told. CPU is that of all threads, collection of garbage included.',
  figures: { us: { title: 'CPU us per failure', ratio: true } },
  points: [
    { name: 'workers crash', crashing: workers.slice(0, kCrashing) },
    { name: 'hubs crash', crashing: Array.from({ length: kCrashing }, (_, n) => hubs[n % kHubs]) },
  ],
  setUp: async ({ crashing }) => ({ loops: await crashLoops(crashing) }),
  ways: [way('unitscope', processorOf, true), way('without the processor', async (next) => next, false)],
  gates: [],
}
