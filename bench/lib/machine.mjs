import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism, cpus, release } from 'node:os'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** What the figures depend on, apart from the code. */
export function describeMachine() {
  const os = /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'unknown'
  return {
    cpus: availableParallelism(),
    model: cpus()[0]?.model.trim() ?? 'unknown',
    kernel: release().replace(/-.*/, ''),
    os,
  }
}

/** Programs and libraries that are measured or compared with; a Debian package that is not installed is left out. */
const packages = {
  dbus: 'dbus',
  'dbus-broker': 'dbus-broker',
  libsystemd: 'libsystemd0',
  libdbus: 'libdbus-1-3',
  go: 'golang-go',
  godbus: 'golang-dbus-dev',
  node_exporter: 'prometheus-node-exporter',
}

export function describeVersions() {
  const versions = { node: process.version }
  const library = JSON.parse(readFileSync(`${root}node_modules/dbus-next/package.json`, 'utf8'))
  versions['dbus-next'] = `${library.name}@${library.version}`
  const names = Object.values(packages)
  const listed = output('dpkg-query', '-W', '-f', '${Package} ${Version} ${db:Status-Status}\n', ...names)
  for (const [label, name] of Object.entries(packages)) {
    const [, version, status] =
      listed
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.split(' ') ?? []
    if (status === 'installed') versions[label] = version
  }
  return versions
}

/** The commit, and whether anything but the history and the page made of it differs from it. */
export function describeCommit() {
  const commit = output('git', 'rev-parse', '--short', 'HEAD').trim() || 'unknown'
  const changed = output('git', 'status', '--porcelain', '--', '.', ':!bench/history', ':!bench/README.md')
  return { commit, dirty: changed.trim() !== '' }
}

/** What a program prints; what it knew before it failed counts too, and nothing if it is not there. */
function output(...argv) {
  try {
    return execFileSync(argv[0], argv.slice(1), { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch (error) {
    return error.stdout ?? ''
  }
}

/** Clock ticks of /proc, in which CPU time is counted: 100 a second on every Linux of today (sysconf(_SC_CLK_TCK)). */
const kTicksPerSecond = 100

/** CPU time of this process, of all it has waited for, and of all its descendants that live; ticks. */
function ownTicks() {
  const stats = new Map()
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
      // The name may hold spaces and brackets; what follows its end does not (proc_pid_stat(5)).
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      stats.set(Number(pid), {
        parent: Number(fields[1]),
        ticks: fields.slice(11, 15).reduce((a, b) => a + Number(b), 0),
      })
    } catch {
      // It has ended meanwhile; its parent has its time.
    }
  }
  const mine = (pid) => {
    for (let at = pid; at > 0; at = stats.get(at)?.parent ?? 0) if (at === process.pid) return true
    return false
  }
  let sum = 0
  for (const [pid, { ticks }] of stats) if (mine(pid)) sum += ticks
  return sum
}

/**
 * What the CPUs do while it is on. Only a span in which no process of ours disappears can be told: the time of one whose parent
 * was killed with it, as in a lab that is taken down, would count as somebody else's.
 */
export class CpuMeter {
  #sum = { ms: 0, busy: 0, steal: 0, own: 0 }
  /** Set while it is on. */
  #start

  static #read() {
    // user nice system idle iowait irq softirq steal guest guest_nice; guest is part of user (proc_stat(5)).
    const [user, nice, system, , , , , steal] = /^cpu +(.*)$/m
      .exec(readFileSync('/proc/stat', 'latin1'))[1]
      .split(' ')
      .map(Number)
    return { ms: performance.now(), busy: user + nice + system, steal, own: ownTicks() }
  }

  on() {
    this.#start = CpuMeter.#read()
  }

  off() {
    const end = CpuMeter.#read()
    for (const key of Object.keys(end)) this.#sum[key] += end[key] - this.#start[key]
  }

  /** Shares of all CPUs, %, over all the time it was on. */
  read() {
    const { ms, busy, steal, own } = this.#sum
    const all = (ms / 1000) * kTicksPerSecond * cpus().length
    const percent = (ticks) => Math.round((Math.max(0, ticks) / all) * 1000) / 10
    return { stealPercent: percent(steal), otherCpuPercent: percent(busy - own) }
  }
}
