import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startAgent, synchronised } from '../agent/agent.mjs'
import { addQuietUnits, bootLab, labMissing } from '../agent/lab.mjs'
import { cpuUs } from '../agent/process.mjs'
import { buildScene } from '../agent/scene.mjs'
import { product } from '../lib/product.mjs'

const kUnits = 1000
const kPollMs = 5
const kLimitMs = 120_000
/** What came before is over: nobody is signalled any more. */
const kPauseMs = 2000
/** As many calls as the agent had on their way when it read this way. */
const kConcurrentCalls = 8

const start = 'agent starts'
const again = 'agent starts again'
const reload = 'daemon-reload'
const lostBus = 'bus dies'
const points = [{ name: start }, { name: again }, { name: reload }, { name: lostBus }]

/** The receiver alone, and its telemetry, which says how many units are not read in full. */
function configOf({ busAddress, pid1 }, folder) {
  const history = { root: `/proc/${pid1}/root` }
  return {
    receivers: {
      systemd: { address: busAddress, history, collection_interval: '1m' },
      self_telemetry: { collection_interval: '1s' },
    },
    exporters: { file: { path: join(folder, 'told.jsonl') } },
    service: {
      state_directory: join(folder, 'state'),
      pipelines: {
        units: { receivers: ['systemd'], exporters: ['file'] },
        metrics: { receivers: ['self_telemetry'], exporters: ['file'] },
      },
    },
  }
}

async function until(what, test) {
  for (const since = performance.now(); ; await sleep(kPollMs)) {
    if (test()) return
    if (performance.now() - since > kLimitMs) throw new Error(`waited ${kLimitMs} ms in vain for ${what}`)
  }
}

/** An agent with files of its own. `close()` ends it and removes them. */
async function startHere(lab, folder) {
  const own = folder ?? (await mkdtemp(join(tmpdir(), 'unitscope-bench-')))
  const agent = startAgent(configOf(lab, own))
  const unread = () => {
    const lines = readFileSync(join(own, 'told.jsonl'), { encoding: 'utf8', flag: 'a+' }).split('\n')
    return lines.flatMap((line) => {
      const point =
        /"name":"unitscope_receiver_systemd_units_unread".*?"timeUnixNano":"(\d+)".*?"as(?:Int|Double)":"?(\d+)/.exec(
          line,
        )
      return point === null ? [] : [{ atMs: Number(point[1]) / 1e6, units: Number(point[2]) }]
    })
  }
  return {
    pid: agent.pid,
    folder: own,
    agent,
    known: () => agent.logged(synchronised),
    /** All was read, after something was not. */
    allRead: (sinceMs, evenIfNothingWasMissing) =>
      until('all to be read', () => {
        const after = unread().filter(({ atMs }) => atMs >= sinceMs)
        return after.at(-1)?.units === 0 && (evenIfNothingWasMissing || after.some(({ units }) => units > 0))
      }),
    async close() {
      await agent.close()
      await rm(own, { recursive: true, force: true })
    },
  }
}

/** What it costs PID 1, the bus and somebody else, in milliseconds, since this was called. */
function costs(lab, pid) {
  const atMs = performance.now()
  const read = () => [lab.pid1, pid].map((one) => (one === undefined ? 0 : cpuUs(one) / 1000))
  const before = pid === undefined ? [cpuUs(lab.pid1) / 1000, 0] : read()
  return (now = pid) => {
    const after = [cpuUs(lab.pid1) / 1000, now === undefined ? 0 : cpuUs(now) / 1000]
    return { ms: performance.now() - atMs, pid1: after[0] - before[0], own: after[1] - before[1] }
  }
}

const figuresOf = (known, read) => ({
  ...(known === undefined ? {} : { known: known.ms, knownPid1: known.pid1, knownOwn: known.own }),
  read: read.ms,
  readPid1: read.pid1,
  readOwn: read.own,
})

async function startOnce(lab, folder) {
  const sinceMs = Date.now()
  const cost = costs(lab)
  const agent = await startHere(lab, folder)
  try {
    await agent.known()
    const known = cost(agent.pid)
    await agent.allRead(Date.now(), true)
    return { figures: figuresOf(known, cost(agent.pid)), agent, sinceMs }
  } catch (error) {
    await agent.close()
    throw error
  }
}

const agentAt = {
  async [start]({ lab }) {
    await coldUnitFiles(lab)
    const { figures, agent } = await startOnce(lab)
    await agent.close()
    return figures
  },
  async [again]({ lab }) {
    const first = await startOnce(lab)
    await first.agent.agent.stop()
    await sleep(kPauseMs)
    try {
      const { figures, agent } = await startOnce(lab, first.agent.folder)
      await agent.close()
      return figures
    } finally {
      await first.agent.close()
    }
  },
  async [reload]({ lab, running }) {
    await sleep(kPauseMs)
    await lab.systemctl('daemon-reload')
    const cost = costs(lab, running.pid)
    await running.allRead(Date.now(), false)
    return figuresOf(undefined, cost())
  },
  async [lostBus]({ lab, running }) {
    await sleep(kPauseMs)
    const from = running.agent.log.length
    const cost = costs(lab, running.pid)
    process.kill(lab.busPid(), 'SIGKILL')
    await until('the bus to be back', () => {
      const said = running.agent.log
        .slice(from)
        .split('\n')
        .filter((line) => line.includes('"component":"receiver/systemd"'))
      return said.some((line) => line.includes('"degraded"')) && said.at(-1).includes('"ok"')
    })
    const known = cost()
    return figuresOf(known, known)
  },
}

/** systemd looks up the state of a unit's file once, and again after a reload. */
async function coldUnitFiles(lab) {
  await lab.systemctl('daemon-reload')
  await sleep(kPauseMs)
}

/** As the agent did until it read single properties. */
async function getAllOfEach({ lab, point }) {
  if (point === start || point === reload) await coldUnitFiles(lab)
  const { connectControlPlane } = await product('lib/systemd/control-plane.js')
  const plane = await connectControlPlane(lab.busAddress)
  try {
    const cost = costs(lab, process.pid)
    const names = (await plane.listUnits()).map(({ name }) => name).filter((name) => name.endsWith('.service'))
    let next = 0
    let answers = 0
    const worker = async () => {
      while (next < names.length) {
        await plane.getProperties(names[next++], 'org.freedesktop.systemd1.Unit')
        answers++
      }
    }
    await Promise.all(Array.from({ length: kConcurrentCalls }, worker))
    if (answers < kUnits) throw new Error(`only ${answers} units answered`)
    const all = cost()
    return figuresOf(all, all)
  } finally {
    plane.close()
  }
}

async function systemctlShow({ lab, point }) {
  if (point === start || point === reload) await coldUnitFiles(lab)
  const cost = costs(lab)
  const { stdout } = await lab.systemctl('show', '--type=service', '*')
  const all = cost()
  if (stdout.split('\n\n').length < kUnits) throw new Error('systemctl showed too little')
  return { known: all.ms, knownPid1: all.pid1, read: all.ms, readPid1: all.pid1 }
}

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'resync',
  question: `What does it take to know ${kUnits} units, and to know them again?`,
  notes:
    "A real systemd with as many running services, on a bus of its own. States: from the start of the process (Node's own included), or the death of the bus, until the receiver is `ok`: " +
    'all states are known, and what was missed is told. All: until nothing is left for its sweeps, which read configurations and dependencies at a pace of ' +
    '96 units each half second, as its telemetry says once a second; after a reload, from its end on, that alone is to be done. The others read all at once: `GetAll` is one call for the ' +
    'Unit interface of each service over the same client, `systemctl` reads all interfaces of each over a socket of its own. Before a start and a reload systemd is reloaded, ' +
    'for it keeps what it has looked up.',
  figures: {
    known: { title: 'ms to all states', ratio: true },
    knownPid1: { title: 'CPU ms of PID 1' },
    knownOwn: { title: 'own CPU ms' },
    read: { title: 'ms to all' },
    readPid1: { title: 'CPU ms of PID 1 to all' },
    readOwn: { title: 'own CPU ms to all' },
  },
  points,
  rounds: 3,
  warmUps: 0,
  unavailable: labMissing,
  async setUp({ name: point }) {
    return buildScene(async (own) => {
      const lab = own(await bootLab())
      await addQuietUnits(lab, 0, kUnits)
      const keeps = point === reload || point === lostBus
      const running = keeps ? own((await startOnce(lab)).agent) : undefined
      return { lab, point, running }
    })
  },
  tearDown: (scene) => scene.close(),
  ways: [
    { name: 'unitscope', run: (scene) => agentAt[scene.point](scene) },
    { name: 'GetAll of each', run: getAllOfEach },
    { name: 'systemctl show', run: systemctlShow },
  ],
  gates: [start, again, lostBus]
    .flatMap((point) => [
      { figure: 'known', way: 'unitscope', point, atMost: 2000, aim: 1000 },
      { figure: 'knownPid1', way: 'unitscope', point, atMost: 500, aim: 250 },
    ])
    .concat([{ figure: 'readPid1', way: 'unitscope', point: reload, atMost: 500, aim: 250 }]),
}
