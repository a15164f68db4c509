// A real systemd for the whole-agent cases: test/lab/lab.sh, which ends with the process that holds its standard input.
import { execFile, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const packageRoot = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
const labScript = `${packageRoot}/test/lab/lab.sh`
/** Starting 1000 services takes 5 s, 5000 half a minute. */
const kCommandLimitMs = 120_000

let count = 0

/** Why no lab can run on this machine, in one line; undefined when it can. */
export function labMissing() {
  const { status, stderr } = spawnSync(labScript, ['check'], { encoding: 'utf8' })
  return status === 0 ? undefined : stderr.trim().split('\n').at(-1)
}

/**
 * Boots a systemd in namespaces of its own. Root only.
 *
 * @returns its bus address, cgroup root and PID 1 as seen from here, and what changes it
 * @throws with the lab's own words when it does not come up
 */
export async function bootLab() {
  const name = `bench-${process.pid}-${++count}`
  // Inside, the repository is as it is now: the overlay would go on showing what was there before the last build.
  const env = { ...process.env, LAB_BIND: packageRoot }
  const keeper = spawn(labScript, ['hold', name], { stdio: ['pipe', 'pipe', 'pipe'], detached: true, env })
  let complaint = ''
  keeper.stderr.setEncoding('utf8').on('data', (text) => {
    complaint = (complaint + text).slice(-4096)
  })
  keeper.stdin.on('error', () => {})
  const ended = new Promise((resolve) => keeper.once('close', resolve))
  const ready = await new Promise((resolve, reject) => {
    keeper.once('error', reject)
    const lines = createInterface({ input: keeper.stdout })
    lines.once('line', resolve)
    lines.once('close', () => reject(new Error(`the lab did not boot: ${complaint.trim()}`)))
  })
  const [, pid, cgroupRoot] = ready.split(' ')
  const root = `/proc/${pid}/root`
  const lab = {
    pid1: Number(pid),
    cgroupRoot,
    busAddress: `unix:path=${root}/run/dbus/system_bus_socket`,
    /** The bus server's process, as seen from here; it runs once somebody has connected. */
    busPid: () => Number(readFileSync(`${cgroupRoot}/system.slice/dbus.service/cgroup.procs`, 'utf8').split('\n')[0]),
    /** Runs a command inside. */
    exec: (...argv) =>
      promisify(execFile)(labScript, ['exec', name, ...argv], { timeout: kCommandLimitMs, maxBuffer: 64 * 2 ** 20 }),
    systemctl: (...argv) => lab.exec('systemctl', ...argv),
    /** A monotonic timestamp of a unit, as systemd took it; microseconds. */
    async stamp(unit, property) {
      const { stdout } = await lab.systemctl('show', '--value', `--property=${property}Monotonic`, unit)
      return Number(stdout)
    },
    /** A file inside. */
    writeFile: (path, text) => writeFileSync(`${root}${path}`, text),
    writeUnit(unit, text) {
      mkdirSync(`${root}/run/systemd/system`, { recursive: true })
      writeFileSync(`${root}/run/systemd/system/${unit}`, text)
    },
    /** Takes it down; resolves when nothing of it is left. Safe twice. */
    async close() {
      keeper.stdin.end()
      await ended
    },
  }
  try {
    await lab.systemctl('is-system-running', '--wait')
    await lab.systemctl('start', 'dbus.service')
  } catch (error) {
    await lab.close()
    throw error
  }
  return lab
}

/** Makes services `quiet0.service`, ... that run and do nothing, until there are `count`. Returns when all are active. */
export async function addQuietUnits(lab, from, count) {
  const names = Array.from({ length: count - from }, (_, i) => `quiet${from + i}.service`)
  for (const name of names) lab.writeUnit(name, '[Service]\nExecStart=/bin/sleep infinity\n')
  await lab.systemctl('daemon-reload')
  // The command line is limited to 128 KiB for each argument and 2 MiB in all; a hundred names are 2 KiB.
  for (let i = 0; i < names.length; i += 100) await lab.systemctl('start', ...names.slice(i, i + 100))
}

/**
 * Units that crash and are restarted: each restart is four events of ours (failed, restarting, restarted, job finished) and
 * about 18 signals of systemd's (the pairs repeat).
 *
 * @param periodMs - mean time between two restarts of one unit; each has its own, within 20 %, so that they do not come in waves
 */
export async function startStorm(lab, units, periodMs) {
  const names = writeStorm(lab, units, periodMs)
  await lab.systemctl('daemon-reload')
  await lab.systemctl('start', '--no-block', ...names)
  return {
    async stop() {
      await lab.systemctl('stop', ...names)
      await lab.systemctl('reset-failed')
    },
  }
}

/** Their files alone, for who wants no `daemon-reload` when the storm begins: after one an agent reads all units anew. */
export function writeStorm(lab, units, periodMs) {
  const names = Array.from({ length: units }, (_, i) => `loop${i}.service`)
  for (const [i, name] of names.entries()) {
    const restartMs = Math.round(periodMs * (0.8 + (0.4 * i) / units))
    lab.writeUnit(
      name,
      '[Unit]\nStartLimitIntervalSec=0\n' +
        `[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=${restartMs}ms\n`,
    )
  }
  return names
}
