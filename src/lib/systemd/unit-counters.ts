import type { UnitState } from '../../data/signal-record.js'
import { type RestartCause, restartCauses } from './restart-cause.js'

/** A counter with the run that last moved it, for exemplars. */
export interface RunCounter {
  readonly value: number
  readonly invocationId: string
  readonly atUsec: number
}

/** Results that systemd 252 knows (`service-result` in src/core/service.c has 12); anything past it shares one counter. */
const kMaxResults = 24

/** Most units never fail; two empty maps for each would be 300 bytes. */
const none: ReadonlyMap<never, RunCounter> = new Map<never, RunCounter>()

/** A row of a counter as it is kept between two runs of the agent: key, value, run, when. */
export type SavedCounter = readonly [key: string, value: number, invocationId: string, atUsec: number]

/** Own counts of one unit, which only grow: systemd's NRestarts is reset by reset-failed and by unloading. */
export class UnitCounters {
  #restarts: Map<RestartCause, RunCounter> | undefined
  #failures: Map<string, RunCounter> | undefined

  get restarts(): ReadonlyMap<RestartCause, RunCounter> {
    return this.#restarts ?? none
  }

  /** By result. */
  get failures(): ReadonlyMap<string, RunCounter> {
    return this.#failures ?? none
  }

  get empty(): boolean {
    return this.#restarts === undefined && this.#failures === undefined
  }

  countRestarts(cause: RestartCause, state: UnitState, by: number): void {
    this.#restarts ??= new Map()
    bump(this.#restarts, cause, state, by)
  }

  countFailure(result: string, state: UnitState): void {
    this.#failures ??= new Map()
    const name = this.#failures.has(result) || this.#failures.size < kMaxResults - 1 ? result : 'other'
    bump(this.#failures, name, state, 1)
  }

  saveRestarts(): SavedCounter[] {
    return rows(this.restarts)
  }

  saveFailures(): SavedCounter[] {
    return rows(this.failures)
  }

  restore(restarts: readonly SavedCounter[], failures: readonly SavedCounter[]): void {
    const causes: readonly string[] = restartCauses
    const known = restarts.filter(([cause]) => causes.includes(cause))
    if (known.length > 0) this.#restarts = new Map(known.map((row) => [row[0] as RestartCause, counter(row)]))
    if (failures.length > 0)
      this.#failures = new Map(failures.slice(0, kMaxResults).map((row) => [row[0], counter(row)]))
  }
}

function bump<K>(counters: Map<K, RunCounter>, key: K, state: UnitState, by: number): void {
  const value = (counters.get(key)?.value ?? 0) + by
  counters.set(key, { value, invocationId: state.invocationId, atUsec: state.stateChangeUsec })
}

function rows(counters: ReadonlyMap<string, RunCounter>): SavedCounter[] {
  return [...counters].map(([key, { value, invocationId, atUsec }]) => [key, value, invocationId, atUsec])
}

function counter([, value, invocationId, atUsec]: SavedCounter): RunCounter {
  return { value, invocationId, atUsec }
}
