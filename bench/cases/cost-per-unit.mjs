import { setTimeout as sleep } from 'node:timers/promises'
import { hostConfig, startAgent, synchronised } from '../agent/agent.mjs'
import { cgroupsMissing } from '../agent/cgroups.mjs'
import { buildScene } from '../agent/scene.mjs'
import { startSink } from '../agent/sink.mjs'
import { startStandIn } from '../agent/stand-in.mjs'
import { memoryMiB } from '../agent/window.mjs'
import { listening } from '../lib/listening.mjs'
import { native } from '../lib/product.mjs'

const kUnits = 10_000
/** Two collections: what the reading of all units at the start has left behind has been collected or used again. */
const kSettleMs = 25_000
const kQuickSettleMs = 5000
const kSignals = {
  matchRules: ["type='signal',sender='org.freedesktop.systemd1'"],
  filter: { include: [], exclude: [], unitTypes: ['service'] },
  ringRecords: 10_000,
  overflow: 'drop_oldest',
  maxBatchSize: 1000,
  batchTimeoutMs: 4,
  backpressurePercent: 80,
  captureBytes: 0,
}

async function setUp() {
  return buildScene(async (own) => ({
    few: await startStandIn(own, 1),
    many: await startStandIn(own, kUnits),
    sink: own(await startSink()),
  }))
}

/** An agent's memory, MiB, once it has read all units and come to rest. */
async function rested(lab, sink, { quick }, choose) {
  const { config } = await hostConfig(lab, sink.address)
  const agent = startAgent(choose(config))
  try {
    await agent.logged(synchronised)
    await sleep(quick ? kQuickSettleMs : kSettleMs)
    await sink.clear()
    return memoryMiB(agent.pid)
  } finally {
    await agent.close()
  }
}

const whole = (config) => config
/** States and events alone, to OTLP. */
const statesAlone = ({ receivers: { systemd }, exporters: { otlp } }) => ({
  receivers: { systemd },
  exporters: { otlp },
  service: { pipelines: { main: { receivers: ['systemd'], exporters: ['otlp'] } } },
})

function agentWay(name, choose) {
  return {
    name,
    async run({ few, many, sink }, options) {
      const base = await rested(few, sink, options, choose)
      const full = await rested(many, sink, options, choose)
      return { perUnit: ((full.anon - base.anon) * 1024) / kUnits, base: base.anon, anon: full.anon, rss: full.rss }
    },
  }
}

/** What the reader's thread keeps, by its own account, after a signal pair of each unit. */
async function nativeTables({ many: { busAddress, flood } }) {
  const surface = await native()
  let connected
  const ready = new Promise((resolve) => {
    connected = resolve
  })
  let seen = 0
  let all
  const done = new Promise((resolve) => {
    all = resolve
  })
  const reader = surface.createSignalReader({ ...kSignals, address: busAddress }, (records) => {
    for (const { kind } of records) {
      if (kind === 'connected') connected()
      if (kind === 'unit_changed' && ++seen === kUnits) all()
    }
  })
  try {
    reader.start()
    await ready
    const before = reader.stats()
    await flood.send(2 * kUnits, 20_000)
    await done
    const after = reader.stats()
    if (after.units !== kUnits) throw new Error(`${after.units} of ${kUnits} units are in the table`)
    return {
      perUnit: (after.nativeBytes - before.nativeBytes) / kUnits / 1024,
      base: before.nativeBytes / 2 ** 20,
      anon: after.nativeBytes / 2 ** 20,
    }
  } finally {
    await reader.close()
  }
}

/** @type {import('../lib/case.d.mts').Case<any>} */
export default {
  id: 'cost-per-unit',
  question: 'How much private memory does each unit cost?',
  notes:
    `RssAnon of an agent on ${kUnits} units less that of one on a single unit, divided by ${kUnits}, after two collections at rest; a stand-in ` +
    'for systemd on a private dbus-daemon answers as systemd does, and each unit has a cgroup. The tables of the reader are what its ' +
    'thread has allocated, by its own account, once it has heard of each unit.',
  figures: {
    perUnit: { title: 'KiB per unit', ratio: true },
    base: { title: 'MiB without units' },
    anon: { title: 'MiB with them' },
    rss: { title: 'RSS MiB with them' },
  },
  rounds: 1,
  warmUps: 0,
  unavailable: () => listening.unavailable() ?? cgroupsMissing(),
  setUp,
  tearDown: (scene) => scene.close(),
  ways: [
    agentWay('unitscope, pipelines/host.yaml', whole),
    agentWay('unitscope, systemd to OTLP alone', statesAlone),
    { name: "the reader's tables (C++)", run: nativeTables },
  ],
  gates: [
    { figure: 'perUnit', way: 'unitscope, pipelines/host.yaml', atMost: 9.77 },
    { figure: 'base', way: 'unitscope, pipelines/host.yaml', atMost: 19.1 },
    { figure: 'perUnit', way: "the reader's tables (C++)", atMost: 1 },
  ],
}
