import type { UnitState } from '../../data/signal-record.js'
import type { UnitFacts } from '../../data/unit-snapshot.js'
import type { Occurrence, RestartCause } from './occurrence.js'
import { UnitMachine } from './unit-machine.js'

/** A counter with the run that last moved it, for exemplars. */
export interface RunCounter {
  value: number
  invocationId: string
  atUsec: number
}

/** Results that systemd 252 knows (`service-result` in src/core/service.c has 12); anything past it shares one counter. */
const kMaxResults = 24

/** One unit: its machine, what is known of its configuration, and its counters. */
export class TrackedUnit {
  readonly machine = new UnitMachine()
  facts: UnitFacts | undefined
  /** Known to systemd at the moment, as far as signals tell. */
  loaded = false
  /**
   * The state was read over D-Bus and no signal has come since, so late ones may still be on their way: how often the
   * clock had been set until then.
   */
  readUnder: number | undefined
  /** Number of the last signal that was believed, by the tracker's count. */
  lastSignal = 0
  /** Since when the counters count, nanoseconds since 1970. */
  readonly sinceNs: bigint
  /** Own counts: systemd's NRestarts is reset by reset-failed and by unloading. */
  readonly restarts = new Map<RestartCause, RunCounter>()
  readonly failures = new Map<string, RunCounter>()

  constructor(sinceNs: bigint) {
    this.sinceNs = sinceNs
  }

  get hasCounts(): boolean {
    return this.restarts.size > 0 || this.failures.size > 0
  }

  seed(state: UnitState, clockSettings: number): void {
    this.machine.reset(state)
    this.loaded = true
    this.readUnder = clockSettings
  }

  observe(state: UnitState, signal: number): Occurrence[] {
    this.readUnder = undefined
    this.lastSignal = signal
    return this.#observe(state)
  }

  observeRead(state: UnitState, clockSettings: number): Occurrence[] {
    const known = this.machine.state
    const happened = this.#observe(state)
    if (known.stateChangeUsec !== state.stateChangeUsec) this.readUnder = clockSettings
    return happened
  }

  #observe(state: UnitState): Occurrence[] {
    this.loaded = true
    const { nRestarts } = this.machine.state
    // systemd counts a restart when it schedules the job; several at once when signals were merged.
    if (state.nRestarts > nRestarts) bump(this.restarts, 'auto', state, state.nRestarts - nRestarts)
    return this.machine.observe(state)
  }

  learn(facts: UnitFacts): Occurrence[] {
    this.facts = facts
    return this.machine.learnOneshot(facts.serviceType === 'oneshot')
  }

  unloaded(): Occurrence[] {
    this.loaded = false
    this.readUnder = undefined
    return this.machine.unloaded()
  }

  count({ kind, state, cause }: Occurrence): void {
    if (kind === 'restarted' && cause === 'manual') bump(this.restarts, 'manual', state, 1)
    else if (kind === 'failed') this.#countFailure(state.result, state)
    else if (kind === 'startLimitHit') this.#countFailure('start-limit-hit', state)
  }

  #countFailure(result: string, state: UnitState): void {
    const name = this.failures.has(result) || this.failures.size < kMaxResults ? result : 'other'
    bump(this.failures, name, state, 1)
  }
}

function bump<K>(counters: Map<K, RunCounter>, key: K, state: UnitState, by: number): void {
  const known = counters.get(key)
  const value = (known?.value ?? 0) + by
  counters.set(key, { value, invocationId: state.invocationId, atUsec: state.stateChangeUsec })
}
