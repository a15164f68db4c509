// What people use today for the states of systemd's units: node_exporter with its systemd collector (Debian's package).
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { freePort } from './agent.mjs'

const program = '/usr/bin/prometheus-node-exporter'

/** Why it cannot be measured; undefined when it can. */
export function exporterMissing() {
  return existsSync(program) ? undefined : 'apt-get install prometheus-node-exporter'
}

/** More of each unit, as close to what the agent's `systemd` and `cgroup` receivers tell as it can come. */
export const everything = [
  '--collector.systemd.enable-task-metrics',
  '--collector.systemd.enable-restarts-metrics',
  '--collector.systemd.enable-start-time-metrics',
]

/** Starts it with the systemd collector alone, on a lab's bus. `close()` ends it. */
export async function startExporter({ busAddress }, flags = []) {
  const port = await freePort()
  const argv = [
    '--collector.disable-defaults',
    '--collector.systemd',
    ...flags,
    '--web.disable-exporter-metrics',
    `--web.listen-address=127.0.0.1:${port}`,
  ]
  const child = spawn(program, argv, { stdio: 'ignore', env: { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: busAddress } })
  const exited = new Promise((resolve) => child.once('close', resolve))
  const close = async () => {
    child.kill('SIGKILL')
    await exited
  }
  for (let tries = 0; tries < 100; tries++) {
    try {
      await scrape(port)
      return { pid: child.pid, scrape: () => scrape(port), close }
    } catch (error) {
      if (tries === 99) {
        await close()
        throw error
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

/** A page of metrics, as Prometheus would fetch it. Returns the number of samples. */
export async function scrape(port) {
  const reply = await fetch(`http://127.0.0.1:${port}/metrics`)
  if (!reply.ok) throw new Error(`the scrape was answered with ${reply.status}`)
  let samples = 0
  for (const line of (await reply.text()).split('\n')) if (line !== '' && !line.startsWith('#')) samples++
  return samples
}
