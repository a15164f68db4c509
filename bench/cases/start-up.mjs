import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startCommand } from '../../test/support/start-command.mjs'
import { hostConfig, startAgent, synchronised } from '../agent/agent.mjs'
import { addQuietUnits, bootLab, labMissing, startStorm } from '../agent/lab.mjs'
import { cpuUs } from '../agent/process.mjs'
import { buildScene } from '../agent/scene.mjs'
import { startSink } from '../agent/sink.mjs'

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
/** So many units run, and so many crash all the time: there is an event every few milliseconds to be the first. */
const kQuiet = 40
const kCrashing = 10
const kCrashPeriodMs = 200
const kPollMs = 10

function setUp() {
  return buildScene(async (own) => {
    const lab = own(await bootLab())
    await addQuietUnits(lab, 0, kQuiet)
    await startStorm(lab, kCrashing, kCrashPeriodMs)
    const sink = own(await startSink())
    const { config } = await hostConfig(lab, sink.address)
    const { config: inside } = await hostConfig(
      { busAddress: 'unix:path=/run/dbus/system_bus_socket', cgroupRoot: '/sys/fs/cgroup' },
      '127.0.0.1:4317', // nobody is there, inside; readiness does not wait for the server
    )
    lab.writeFile('/run/agent.yaml', JSON.stringify(inside))
    const agent = [process.execPath, ...startCommand.flags, main, 'run', '--config', '/run/agent.yaml'].join(' ')
    const variables = Object.entries(startCommand.env).map(([name, value]) => `Environment=${name}=${value}\n`)
    lab.writeUnit('agent.service', `[Service]\nType=notify\n${variables.join('')}ExecStart=${agent}\n`)
    lab.writeUnit('node.service', `[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=${process.execPath} -e 0\n`)
    await lab.systemctl('daemon-reload')
    return { lab, sink, config }
  })
}

/** From the start of the unit's process until systemd took `end`, by its own clock. */
async function startedBySystemd(lab, unit, end) {
  await lab.systemctl('start', unit) // returns when the unit is up: READY=1, or the end of a oneshot
  const readyMs = ((await lab.stamp(unit, end)) - (await lab.stamp(unit, 'ExecMainStartTimestamp'))) / 1000
  await lab.systemctl('stop', unit)
  return readyMs
}

async function agent({ lab, sink, config }) {
  const ready = await startedBySystemd(lab, 'agent.service', 'ActiveEnterTimestamp')
  await sink.clear()
  const startMs = performance.now()
  const running = startAgent(config)
  try {
    await running.logged(synchronised)
    const watching = performance.now() - startMs
    const cpu = cpuUs(running.pid) / 1000
    let first
    while (first === undefined) {
      await sleep(kPollMs)
      first = (await sink.take()).firstEventAtMs
    }
    return { ready, watching, firstEvent: first - performance.timeOrigin - startMs, cpu }
  } finally {
    await running.close()
  }
}

/** @type {import('../lib/case.d.mts').Case<any>} */
export default {
  id: 'start-up',
  question: 'How long does the agent take from its start until it is ready, and until the first event is out?',
  notes:
    `pipelines/host.yaml on a real systemd with about ${kQuiet + kCrashing} services, some of which crash all the time. Ready: from the start of the process to ` +
    'READY=1 (sd_notify), both stamped by the systemd that starts it; of `node -e 0`, to its end. Watching: until the state of every unit is read, ' +
    'from which moment on no change is missed. First event: at the OTLP server, after the waits for company of the default settings ' +
    '(`timeout` of batch). CPU: of the agent until it is watching.',
  figures: {
    ready: { title: 'ms to ready', ratio: true },
    watching: { title: 'ms to watching' },
    firstEvent: { title: 'ms to the first event out' },
    cpu: { title: 'CPU ms until then' },
  },
  unavailable: labMissing,
  setUp,
  tearDown: (scene) => scene.close(),
  ways: [
    { name: 'unitscope', run: agent },
    {
      name: 'node -e 0',
      run: async ({ lab }) => ({ ready: await startedBySystemd(lab, 'node.service', 'ExecMainExitTimestamp') }),
    },
  ],
  gates: [],
}
