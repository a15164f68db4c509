import type { Clock, Timer } from '../util/clock.js'

/** A clock that stands still until told: timers fire in order of their due time, ties in order of creation. */
export class FakeClock implements Clock {
  #nowMs = 0
  #unixOffsetNano: bigint
  #sequence = 0
  readonly #timers = new Map<number, { dueMs: number; everyMs: number | undefined; fire: () => void }>()

  /** @param startUnixNano - what unixNano() reads at the start */
  constructor(startUnixNano = 1_700_000_000_000_000_000n) {
    this.#unixOffsetNano = startUnixNano
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.size
  }

  unixNano(): bigint {
    return this.#unixOffsetNano + BigInt(Math.round(this.#nowMs * 1e6))
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  /** Steps the wall clock only, as settimeofday(2) would. */
  stepWallClock(nanos: bigint): void {
    this.#unixOffsetNano += nanos
  }

  after(ms: number, fire: () => void): Timer {
    return this.#add(ms, undefined, fire)
  }

  every(ms: number, fire: () => void): Timer {
    return this.#add(ms, ms, fire)
  }

  #add(ms: number, everyMs: number | undefined, fire: () => void): Timer {
    const id = ++this.#sequence
    this.#timers.set(id, { dueMs: this.#nowMs + ms, everyMs, fire })
    return { cancel: () => void this.#timers.delete(id) }
  }

  /** The timer that is due first, by `end`; of several the oldest, which is where it stands in the map. 0: none. */
  #firstDue(end: number): number {
    let first = 0
    let dueMs = end
    for (const [id, timer] of this.#timers)
      if (timer.dueMs < dueMs || (timer.dueMs === dueMs && first === 0)) {
        first = id
        dueMs = timer.dueMs
      }
    return first
  }

  /** Moves time on, firing what falls due; lets promises settle after each timer and at the end. */
  async advance(ms: number): Promise<void> {
    await settle()
    const end = this.#nowMs + ms
    for (;;) {
      const id = this.#firstDue(end)
      const timer = this.#timers.get(id)
      if (timer === undefined) break
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs)
      if (timer.everyMs === undefined) this.#timers.delete(id)
      else timer.dueMs += Math.max(timer.everyMs, 1)
      timer.fire()
      await settle()
    }
    this.#nowMs = end
    await settle()
  }
}

/** Lets every promise chain that waits on nothing but promises run to its end. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 5; round++) await new Promise((resolve) => setImmediate(resolve))
}
