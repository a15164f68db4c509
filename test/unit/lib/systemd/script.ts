import type { RawEvent } from '../../../../src/data/event.js'
import type { Metric } from '../../../../src/data/metric.js'
import { ResourcePool } from '../../../../src/data/resource.js'
import type { SignalRecord, UnitState } from '../../../../src/data/signal-record.js'
import { attr } from '../../../../src/lib/systemd/names.js'
import { unloadedState } from '../../../../src/lib/systemd/unit-phase.js'
import { UnitTracker } from '../../../../src/lib/systemd/unit-tracker.js'

/** What a line of a script may change besides the state: short names for the fields that matter. */
export interface Change {
  readonly job?: number
  /** One letter or digit; repeated to 32. */
  readonly inv?: string
  readonly result?: string
  readonly pid?: number
  readonly restarts?: number
  /** `exited:3`, `killed:11`, `dumped:6`, or `` for a new process. */
  readonly exit?: string
  /** Conditions were checked, with this outcome. */
  readonly condition?: boolean
}

const kStartUsec = 1_700_000_000_000_000
const exitCodes: Readonly<Record<string, number>> = { '': 0, exited: 1, killed: 2, dumped: 3 }

/** Writes one unit's records as systemd sends them: the full state each time, timestamps moving with each transition. */
export class Script {
  readonly records: SignalRecord[] = []
  readonly unit: string
  #state: UnitState
  #usec = kStartUsec

  constructor(unit: string, state: UnitState = unloadedState) {
    this.unit = unit
    this.#state = state
  }

  get state(): UnitState {
    return this.#state
  }

  /** When the last line happened. */
  get usec(): number {
    return this.#usec
  }

  /** A PropertiesChanged pair: `active/running`, with what else is different. */
  u(name: string, change: Change = {}): this {
    const [activeState, subState] = name.split('/') as [string, string]
    const before = this.#state
    this.#usec += 1000
    const moved = activeState !== before.activeState || subState !== before.subState
    const stamp = moved ? { stateChangeUsec: this.#usec, ...stamps(before.activeState, activeState, this.#usec) } : {}
    const [how, status] = (change.exit ?? '').split(':')
    this.#state = {
      ...before,
      activeState,
      subState,
      ...stamp,
      ...(change.job === undefined ? {} : { jobId: change.job }),
      ...(change.inv === undefined ? {} : { invocationId: change.inv.repeat(32) }),
      ...(change.result === undefined ? {} : { result: change.result }),
      ...(change.pid === undefined ? {} : { mainPid: change.pid, execMainPid: change.pid || before.execMainPid }),
      ...(change.restarts === undefined ? {} : { nRestarts: change.restarts }),
      ...(change.exit === undefined ? {} : { execMainCode: exitCodes[how!]!, execMainStatus: Number(status ?? 0) }),
      ...(change.condition === undefined ? {} : { conditionResult: change.condition, conditionUsec: this.#usec }),
    }
    return this.#add({ kind: 'unit_changed', unit: this.unit, state: this.#state })
  }

  /** Nothing happens for so many milliseconds. */
  wait(ms: number): this {
    this.#usec += 1000 * ms
    return this
  }

  /** The last signal was merged into the next one: PID 1 does so while its queue to the bus is full. */
  merged(): this {
    this.records.pop()
    return this
  }

  jobNew(jobId: number): this {
    return this.#add({ kind: 'job_new', unit: this.unit, jobId })
  }

  jobRemoved(jobId: number, result = 'done'): this {
    return this.#add({ kind: 'job_removed', unit: this.unit, jobId, result })
  }

  unitNew(): this {
    return this.#add({ kind: 'unit_new', unit: this.unit })
  }

  unitRemoved(): this {
    return this.#add({ kind: 'unit_removed', unit: this.unit })
  }

  reloading(active: boolean): this {
    return this.#add({ kind: 'reloading', active })
  }

  /** A simple service's start, as systemd 252 sends it. */
  start(job: number, inv: string, pid = 100): this {
    return this.unitNew()
      .jobNew(job)
      .u('inactive/dead', { job, inv, pid, result: 'success', exit: '', condition: true })
      .u('active/running')
      .jobRemoved(job)
      .u('active/running', { job: 0 })
  }

  #add(record: DistributiveOmit<SignalRecord, 'realtimeNs' | 'boottimeNs'>): this {
    const ns = BigInt(this.#usec + 500) * 1000n
    this.records.push({ realtimeNs: ns, boottimeNs: ns - 1_600_000_000_000_000_000n, ...record } as SignalRecord)
    return this
  }
}

type DistributiveOmit<T, K extends string> = T extends unknown ? Omit<T, K> : never

/** Which of the four timestamps of systemd.unit a transition sets (src/core/unit.c, unit_notify). */
function stamps(from: string, to: string, usec: number): Partial<UnitState> {
  const idle = (state: string): boolean => state === 'inactive' || state === 'failed'
  const up = (state: string): boolean => state === 'active' || state === 'reloading'
  return {
    ...(idle(from) && !idle(to) ? { inactiveExitUsec: usec } : {}),
    ...(!idle(from) && idle(to) ? { inactiveEnterUsec: usec } : {}),
    ...(!up(from) && up(to) ? { activeEnterUsec: usec } : {}),
    ...(up(from) && !up(to) ? { activeExitUsec: usec } : {}),
  }
}

export function newTracker(maxUnits?: number): UnitTracker {
  const limit = maxUnits === undefined ? {} : { maxUnits }
  return new UnitTracker({ scope: 'system', resources: new ResourcePool(), ...limit })
}

export function feedAll(tracker: UnitTracker, records: readonly SignalRecord[]): RawEvent[] {
  return records.flatMap((record) => tracker.feed(record))
}

/** An event in one short line: name without prefix, run, and what is special about it. */
export function brief(event: RawEvent): string {
  const { attributes, traceId } = event
  const words = [event.name.replace(/^systemd\.(unit\.)?/, ''), traceId?.[0] ?? '-']
  for (const key of [
    attr.restartCause,
    attr.jobResult,
    attr.exitCode,
    attr.exitSignal,
    attr.errorType,
    attr.causedBy,
  ]) {
    const value = attributes[key]
    if (value !== undefined) words.push(String(value))
  }
  if (attributes[attr.conditionResult] === false) words.push('condition')
  if (attributes[attr.synthetic] === true) words.push('inferred')
  return words.join(' ')
}

/** All parts of a collection, of one moment. */
export function metricsOf(tracker: UnitTracker, nowNs: bigint): readonly Metric[] {
  return [...tracker.series.collect(() => nowNs)].flat()
}
