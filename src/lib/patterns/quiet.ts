import type { Settings } from '../../component/component.js'
import type { RawEvent } from '../../data/event.js'
import type { Metric } from '../../data/metric.js'
import { attr, event as names } from '../systemd/names.js'
import { Deployments, stoppedByJob } from './deployments.js'
import type { QuietReason, Unit, UnitSignal } from './detector.js'
import { MachineLife } from './machine-life.js'
import { Maintenance } from './maintenance.js'
import type { SteadyTime } from './steady-time.js'

/** Readings and counters need about this long until they are of one time again; and so late a step is seen at most, where all is well. */
const kAroundStepMs = 60_000

export interface QuietTime {
  readonly reason: QuietReason
  /** When it is over, as far as is known by now: steady milliseconds. */
  readonly untilMs: number
}

/**
 * Knows from which times nothing may be concluded. Fed with every event that passes, in order, before anything is told to a
 * detector; times are steady milliseconds.
 */
export class Quiet {
  readonly #time: SteadyTime
  readonly #maintenance: Maintenance | undefined
  readonly #machine: MachineLife
  readonly #deployments = new Deployments()
  #gapUntilMs = Number.NEGATIVE_INFINITY
  #stepMs = Number.NEGATIVE_INFINITY

  constructor(time: SteadyTime, { maintenance = [], bootUnixNano }: Pick<Settings, 'maintenance' | 'bootUnixNano'>) {
    this.#time = time
    this.#maintenance = maintenance.length === 0 ? undefined : new Maintenance(maintenance)
    this.#machine = new MachineLife(time, bootUnixNano)
  }

  observe(event: RawEvent, atMs: number): void {
    this.#machine.observe(event, atMs)
    if (event.name !== names.gap) return
    // In a reload systemd reads its unit files anew, and nothing is missed.
    if (event.attributes[attr.gapReason] === 'reload') this.#deployments.reloaded(atMs)
    else this.#gapUntilMs = Math.max(this.#gapUntilMs, atMs)
  }

  observeUnit(kind: UnitSignal['kind'], event: RawEvent, unit: Unit, atMs: number): void {
    this.#deployments.observe(kind, event, unit.key, atMs)
  }

  /** Points of `systemd.system.state`. */
  systemState(metric: Metric, atMs: number): void {
    this.#machine.systemState(metric, atMs)
  }

  /** The clock was set, or the machine slept. */
  stepped(nowMs: number): void {
    this.#stepMs = nowMs
  }

  /** Of what was measured at a time. */
  at(unit: Unit, atMs: number): QuietTime | undefined {
    const maintainedMs = this.#maintained(unit, atMs)
    if (maintainedMs !== undefined) return { reason: 'maintenance', untilMs: maintainedMs }
    const machine = this.#machine.at(atMs)
    if (machine !== undefined) return machine
    if (Math.abs(atMs - this.#stepMs) <= kAroundStepMs)
      return { reason: 'suspend_or_clock_step', untilMs: this.#stepMs + kAroundStepMs }
    const deployedMs = this.#deployments.until(unit.key, atMs)
    return deployedMs === undefined ? undefined : { reason: 'deployment', untilMs: deployedMs }
  }

  /** Of what an event tells: how it is known, and who has asked for it, counts as well as when it was. */
  of(event: RawEvent, unit: Unit, atMs: number): QuietReason | undefined {
    const reason = this.at(unit, atMs)?.reason
    if (reason !== undefined) return reason
    if (atMs <= this.#gapUntilMs && isConcluded(event)) return 'gap'
    return event.name === names.failed && stoppedByJob(event) ? 'deployment' : undefined
  }

  #maintained(unit: Unit, atMs: number): number | undefined {
    if (this.#maintenance === undefined) return undefined
    const unixMs = Number(this.#time.unixNano(atMs)) / 1e6
    const untilMs = this.#maintenance.until(unit.name, unixMs)
    return untilMs === undefined ? undefined : atMs + untilMs - unixMs
  }
}

/** From states and counters: when, and how often, is not known. What the journal tells has its time. */
function isConcluded({ attributes }: RawEvent): boolean {
  if (attributes[attr.synthetic] !== true) return false
  const evidence = attributes[attr.evidence]
  return !(Array.isArray(evidence) && evidence.includes('journal'))
}
