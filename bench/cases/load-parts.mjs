import { setTimeout as sleep } from 'node:timers/promises'
import { hostConfig, patterns, processors, startAgent } from '../agent/agent.mjs'
import { addQuietUnits, bootLab, labMissing, startStorm } from '../agent/lab.mjs'
import { partOfHost } from '../agent/part.mjs'
import { buildScene } from '../agent/scene.mjs'
import { startSink } from '../agent/sink.mjs'
import { watchProcesses } from '../agent/window.mjs'

const kUnits = 1000
/** 350 events a second, as in `agent-load`. */
const kCrashing = 104
const kWindowMs = 10_000
const kQuickWindowMs = 5000
/** All units are read, which takes some 6 s (`resync`), and V8 has compiled what is used much. */
const kSettleMs = 20_000

const running = /"message":"running"/

function setUp() {
  return buildScene(async (own) => {
    const lab = own(await bootLab())
    await addQuietUnits(lab, 0, kUnits - kCrashing)
    await startStorm(lab, kCrashing, 1000)
    return { lab, sink: own(await startSink()) }
  })
}

/** An agent of these components of pipelines/host.yaml, in one pipeline. */
function agentWay(name, parts, options = {}) {
  return {
    name,
    async run({ lab, sink }, { quick }) {
      const { config } = await hostConfig(lab, sink.address, options)
      const agent = startAgent(partOfHost(config, parts))
      const ms = quick ? kQuickWindowMs : kWindowMs
      try {
        await agent.logged(running)
        await sleep(quick ? kQuickWindowMs : kSettleMs)
        await sink.clear()
        return (await watchProcesses({ it: agent.pid }, ms)).it
      } finally {
        await agent.close()
      }
    },
  }
}

const whole = 'unitscope, all of pipelines/host.yaml'
const events = { systemd: { collection_interval: '0s' } }
const rarely = { systemd: { collection_interval: '0s', batch_timeout: '1s' } }

/** @type {import('../lib/case.d.mts').Case<any>} */
export default {
  id: 'load-parts',
  question: 'Where much happens, what does each part of the agent cost?',
  notes:
    `On a real systemd with ${kUnits} services, of which ${kCrashing} crash about once a second: 350 events and 1,900 signals a second. Each row is an agent of ` +
    'its own with a part of pipelines/host.yaml, 20 s after its start, over one collection interval. Without metrics: `collection_interval: 0s` of `systemd`. With a ' +
    '`batch_timeout` of 1 s only failures wake it, which never wait.',
  figures: {
    cpuPercent: { title: '% of a core', ratio: true },
    wakeups: { title: 'wake-ups/s' },
    anon: { title: 'RssAnon MiB' },
    pss: { title: 'PSS MiB' },
    peak: { title: 'peak RSS MiB' },
    rss: { title: 'RSS MiB' },
  },
  rounds: 1,
  warmUps: 0,
  unavailable: labMissing,
  setUp,
  tearDown: (scene) => scene.close(),
  ways: [
    agentWay(whole, {
      receivers: ['systemd', 'cgroup', 'self_telemetry'],
      processors,
      exporters: ['otlp', 'prometheus'],
    }),
    agentWay(
      'systemd to prometheus, without metrics, batch_timeout 1s',
      { receivers: ['systemd'], exporters: ['prometheus'] },
      rarely,
    ),
    agentWay('systemd to prometheus, without metrics', { receivers: ['systemd'], exporters: ['prometheus'] }, events),
    agentWay('... and its metrics', { receivers: ['systemd'], exporters: ['prometheus'] }),
    agentWay('... and the processors but patterns', {
      receivers: ['systemd'],
      processors: processors.filter((type) => !patterns.includes(type)),
      exporters: ['prometheus'],
    }),
    agentWay('... and patterns', { receivers: ['systemd'], processors, exporters: ['prometheus'] }),
    agentWay('... and otlp', { receivers: ['systemd'], processors, exporters: ['otlp', 'prometheus'] }),
    agentWay('cgroup to prometheus', { receivers: ['cgroup'], exporters: ['prometheus'] }),
  ],
  gates: [],
}
