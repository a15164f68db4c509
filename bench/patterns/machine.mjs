import { product } from '../lib/product.mjs'
import { Chance } from './random.mjs'

export const second = 1000
export const minute = 60 * second
export const hour = 60 * minute
export const day = 24 * hour
export const week = 7 * day

/** Tuesday, 2026-03-03 00:00 UTC. */
export const kStartMs = Date.UTC(2026, 2, 3)

/** Day of the week in UTC, 0 for Monday. 1970-01-01 was a Thursday. @param {number} unixMs */
export const weekdayOf = (unixMs) => (Math.floor(unixMs / day) + 3) % 7

const nano = (ms) => BigInt(Math.round(ms * 1000)) * 1000n

/** What the machine needs of the product: loaded once. */
export async function loadParts() {
  const { attr, event } = await product('lib/systemd/names.js')
  const { Severity } = await product('data/event.js')
  const { unitResource, hostResource } = await product('lib/systemd/unit-resource.js')
  const { sampleMetrics } = await product('receivers/cgroup/sample-metrics.js')
  const { cgroupFields } = await product('binding/cgroup-layout.js')
  const { gapEvent } = await product('lib/systemd/source-event.js')
  const { ResourcePool } = await product('data/resource.js')
  return { attr, event, Severity, unitResource, hostResource, sampleMetrics, cgroupFields, gapEvent, ResourcePool }
}

/**
 * A machine whose story is written down first and told afterwards: what systemd and the kernel would have told of its units, as
 * the receivers' own code makes it. Times are milliseconds after the story's start.
 */
export class Machine {
  #steps = []
  #services = new Map()

  /** @param {Awaited<ReturnType<typeof loadParts>>} parts @param {number} seed @param {number} [startMs] since 1970 */
  constructor(parts, seed, startMs = kStartMs) {
    this.parts = parts
    this.seed = seed
    this.startMs = startMs
    this.chance = new Chance(seed)
    this.pool = new parts.ResourcePool({ 'host.name': 'bench', 'systemd.boot_id': 'b'.repeat(32) })
  }

  /** @param {string} name */
  service(name = 'web.service') {
    let service = this.#services.get(name)
    if (service === undefined) {
      service = new Service(this, name)
      this.#services.set(name, service)
    }
    return service
  }

  /** Of the story's first day: 0 for Monday. */
  get weekday() {
    return weekdayOf(this.startMs)
  }

  get services() {
    return [...this.#services.values()]
  }

  /** Steps in order: what was told at one moment is one batch. */
  steps() {
    return this.#steps.sort((a, b) => a.atMs - b.atMs || a.order - b.order)
  }

  /** How long the story is. */
  get lengthMs() {
    return this.#steps.reduce((longest, { atMs }) => Math.max(longest, atMs), 0)
  }

  /** Nothing more happens until then: time goes by. @param {number} atMs */
  until(atMs) {
    this.add(atMs, {})
  }

  /** `systemctl daemon-reload`. @param {number} atMs */
  reload(atMs) {
    this.add(atMs, { events: [this.parts.gapEvent(this.pool, 'reload', 0, this.unixNano(atMs))] })
  }

  /** Nobody watched for a while. @param {number} atMs @param {string} reason of a gap event */
  gap(atMs, reason = 'agent_restart', fromMs = atMs) {
    const startUsec = Math.round((this.startMs + fromMs) * 1000)
    this.add(atMs, { events: [this.parts.gapEvent(this.pool, reason, 0, this.unixNano(atMs), startUsec)] })
  }

  /** Anything else. @param {number} atMs @param {{events?: readonly object[], metrics?: readonly object[]}} part */
  add(atMs, { events = [], metrics = [] }) {
    this.#steps.push({ atMs, order: this.#steps.length, batch: { events, metrics, spans: [] } })
  }

  unixNano(atMs) {
    return nano(this.startMs + atMs)
  }
}

/** A service, and what is told of it. */
class Service {
  #run
  #enterMs = 0
  #nRestarts = 0
  /** Failures as they were told, for baselines: [ms after the start]. */
  failures = []
  /** Readings as they were told, for baselines: [ms, fields]. */
  samples = []

  constructor(machine, name) {
    this.machine = machine
    this.name = name
    this.resource = machine.parts.unitResource(machine.pool, name)
    this.#run = machine.chance.id()
  }

  /** The InvocationID of the run that goes on. */
  get run() {
    return this.#run
  }

  /** Started by a job. @param {number} atMs @param {number} [tookMs] from the first process to `active` */
  start(atMs, tookMs = 0) {
    this.#begin(atMs + tookMs)
    this.#tell(
      atMs + tookMs,
      'started',
      'info',
      { activeState: 'active', sub: 'running' },
      this.#startStamps(atMs, tookMs),
    )
  }

  /** Stopped by a job. @param {number} atMs @param {number} [tookMs] */
  stop(atMs, tookMs = 0) {
    const { attr } = this.machine.parts
    this.#tell(
      atMs + tookMs,
      'stopped',
      'info',
      { activeState: 'inactive', sub: 'dead' },
      {
        [attr.verdict]: 'stopped_by_operator',
        ...this.#endStamps(atMs, tookMs),
      },
    )
  }

  /** It ended by itself, in order, and is not started again: a oneshot's way. @param {number} atMs @param {number} [tookMs] */
  end(atMs, tookMs = 0) {
    const state = { activeState: 'inactive', sub: 'dead' }
    this.#tell(atMs + tookMs, 'stopped', 'info', state, this.#endStamps(atMs, tookMs))
  }

  /** `systemctl restart`. @param {number} atMs @param {number} [tookMs] */
  restart(atMs, tookMs = 50, cause = 'manual') {
    const { attr } = this.machine.parts
    const by = { [attr.restartCause]: cause }
    this.#tell(
      atMs,
      'restarting',
      'info',
      { activeState: 'inactive', sub: 'dead' },
      {
        ...by,
        [attr.verdict]: 'will_restart',
        ...this.#endStamps(atMs, 0),
      },
    )
    this.#begin(atMs + tookMs)
    this.#tell(
      atMs + tookMs,
      'restarted',
      'info',
      { activeState: 'active', sub: 'running' },
      {
        ...by,
        ...this.#startStamps(atMs, tookMs),
      },
    )
  }

  /**
   * A run fails; nothing follows by itself.
   *
   * @param {number} atMs
   * @param {{result?: string, code?: number, signal?: string, verdict?: string}} [how]
   */
  fail(atMs, { result = 'exit-code', code = 1, signal, verdict = 'gave_up' } = {}) {
    const { attr } = this.machine.parts
    this.failures.push(atMs)
    this.#tell(
      atMs,
      'failed',
      'error',
      { activeState: 'failed', sub: 'failed', result },
      {
        ...(signal === undefined ? { [attr.exitCode]: code } : { [attr.exitSignal]: signal }),
        [attr.verdict]: verdict,
        ...this.#endStamps(atMs, 0),
      },
    )
  }

  /** A run fails, and systemd starts the next one `delayMs` later (Restart=, RestartSec=). @param {number} atMs */
  crash(atMs, delayMs = 100, how = {}) {
    const { attr } = this.machine.parts
    this.fail(atMs, { ...how, verdict: 'will_restart' })
    this.#auto(atMs, delayMs, { [attr.exitCode]: how.code ?? 1 }, how.result ?? 'exit-code')
  }

  /** A run ends in order, and systemd starts the next one (Restart=always). @param {number} atMs */
  cycle(atMs, delayMs = 100) {
    this.#auto(atMs, delayMs, { [this.machine.parts.attr.exitCode]: 0 }, 'success')
  }

  /** The start limit is hit: the last crash was the last. @param {number} atMs */
  giveUp(atMs) {
    const { attr } = this.machine.parts
    this.#tell(
      atMs,
      'startLimitHit',
      'error',
      { activeState: 'failed', sub: 'failed', result: 'start-limit-hit' },
      {
        [attr.verdict]: 'gave_up',
      },
    )
  }

  /** Killed for want of memory, and started again. @param {number} atMs */
  oom(atMs, delayMs = 100) {
    this.#tell(atMs, 'oomKilled', 'error', { activeState: 'failed', sub: 'failed', result: 'oom-kill' }, {})
    this.crash(atMs, delayMs, { result: 'oom-kill', signal: 'SIGKILL' })
  }

  /**
   * A reading of its cgroup, as the cgroup receiver makes it: `{ memoryCurrent: 1e6, 'memoryStat.anon': 5e5 }`, fields of
   * src/binding/cgroup-layout.ts. What is not named is not told.
   *
   * @param {number} atMs @param {Readonly<Record<string, number>>} fields
   */
  sample(atMs, fields) {
    const { sampleMetrics, cgroupFields } = this.machine.parts
    const words = new Float64Array(cgroupFields.length).fill(Number.NaN)
    for (const [name, value] of Object.entries(fields)) {
      const at = cgroupFields.indexOf(name)
      if (at < 0) throw new Error(`no field of a cgroup's row is called ${name}`)
      words[at] = value
    }
    const nowNs = this.machine.unixNano(atMs)
    const run = { traceId: this.#run, spanId: this.#run.slice(16) }
    const subject = {
      path: '/',
      cgroupId: 1,
      resource: this.resource,
      since: { startNs: this.machine.unixNano(this.#enterMs) },
      run,
    }
    const metrics = []
    sampleMetrics(metrics, { words, at: 0, devicesAt: words.length }, subject, nowNs)
    this.samples.push([atMs, fields])
    this.machine.add(atMs, { metrics })
  }

  #auto(atMs, delayMs, how, result) {
    const { attr } = this.machine.parts
    const by = { [attr.restartCause]: 'auto' }
    const due = { [attr.restartDueUsec]: this.#usec(atMs + delayMs) }
    this.#tell(
      atMs,
      'restarting',
      'warn',
      { activeState: 'activating', sub: 'auto-restart', result },
      {
        ...by,
        ...how,
        ...due,
        [attr.verdict]: 'will_restart',
        ...this.#endStamps(atMs, 0),
      },
    )
    this.#nRestarts++
    this.#begin(atMs + delayMs)
    this.#tell(
      atMs + delayMs,
      'restarted',
      'info',
      { activeState: 'active', sub: 'running' },
      {
        ...by,
        ...this.#startStamps(atMs + delayMs, 0),
      },
    )
  }

  #begin(atMs) {
    this.#run = this.machine.chance.id()
    this.#enterMs = atMs
  }

  #usec(ms) {
    return Math.round((this.machine.startMs + ms) * 1000)
  }

  #startStamps(atMs, tookMs) {
    const { attr } = this.machine.parts
    return { [attr.inactiveExitUsec]: this.#usec(atMs), [attr.activeEnterUsec]: this.#usec(atMs + tookMs) }
  }

  #endStamps(atMs, tookMs) {
    const { attr } = this.machine.parts
    return {
      [attr.activeEnterUsec]: this.#usec(this.#enterMs),
      [attr.activeExitUsec]: this.#usec(atMs),
      [attr.inactiveEnterUsec]: this.#usec(atMs + tookMs),
    }
  }

  #tell(atMs, name, severity, { activeState, sub, result = 'success' }, more) {
    const { attr, event, Severity } = this.machine.parts
    const timeUnixNano = this.machine.unixNano(atMs)
    this.machine.add(atMs, {
      events: [
        {
          timeUnixNano,
          observedTimeUnixNano: timeUnixNano,
          name: event[name],
          severity: Severity[severity],
          body: `${this.name} ${name}`,
          attributes: {
            [attr.unit]: this.name,
            [attr.unitType]: this.name.slice(this.name.lastIndexOf('.') + 1),
            [attr.activeState]: activeState,
            [attr.subState]: sub,
            [attr.result]: result,
            [attr.invocationId]: this.#run,
            [attr.nRestarts]: this.#nRestarts,
            ...more,
          },
          resource: this.resource,
        },
      ],
    })
  }
}
