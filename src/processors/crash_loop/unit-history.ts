import type { UnitSignal } from './unit-signal.js'

export interface Crash {
  readonly atNano: bigint
  /** The run that crashed; empty when unknown. */
  readonly invocationId: string
  readonly how: string
}

/**
 * Runs recognised when they are told of again (a batch offered twice, failed + restarting of one run). A batch would need
 * 32 rounds of one unit to outrun it: systemd's shortest restart delay gives 10 a second.
 */
const kMaxKnownRuns = 64

/** The crashes of one unit, each counted once. Time is that of the events. */
export class UnitHistory {
  readonly #threshold: number
  readonly #windowNano: bigint
  readonly #known = new Set<string>()
  /** The newest `threshold` of them, by time. */
  #crashes: Crash[] = []
  #crashedSinceStart = false
  /** What the unit did last. */
  state: 'running' | 'waiting' | 'failed' | 'stopped' = 'running'

  constructor(threshold: number, windowNano: bigint) {
    this.#threshold = threshold
    this.#windowNano = windowNano
  }

  /** The crash that the signal tells of, if it is a new one. */
  take(signal: UnitSignal): Crash | undefined {
    switch (signal.kind) {
      case 'failed':
        if (!this.#isNewEnd(signal)) return undefined
        this.state = 'failed'
        return this.#crash(signal)
      case 'restarting': {
        // Without an invocation ID, order alone tells that this is the second half of a failure.
        const told = signal.invocationId === '' && this.#crashedSinceStart
        if (!signal.auto || told || !this.#isNewEnd(signal)) {
          if (this.#crashedSinceStart) this.state = 'waiting'
          return undefined
        }
        this.state = 'waiting'
        return this.#crash(signal)
      }
      case 'restarted': {
        if (!this.#isNew(`start ${runKey(signal)}`)) return undefined
        const missed = signal.auto && !this.#crashedSinceStart
        this.#crashedSinceStart = false
        this.state = 'running'
        // Up again by itself, so a run must have ended that nobody told of (events suppressed, a gap).
        return missed ? this.#add({ atNano: signal.event.timeUnixNano, invocationId: '', how: 'unseen' }) : undefined
      }
      case 'started':
        if (this.#isNew(`start ${runKey(signal)}`)) {
          this.#crashedSinceStart = false
          this.state = 'running'
        }
        return undefined
      case 'stopped':
        if (this.#isNew(`stop ${runKey(signal)}`)) this.state = 'stopped'
        return undefined
      case 'gave_up':
        return undefined
    }
  }

  /** Whether start-limit-hit is told of for the first time. */
  isNewGiveUp(signal: UnitSignal): boolean {
    return this.#isNew(`give up ${runKey(signal)}`)
  }

  /** The crashes in the window, oldest first, once there are `threshold` of them. */
  loop(): readonly Crash[] | undefined {
    const newest = this.#crashes.at(-1)
    if (newest === undefined || this.#crashes.length < this.#threshold) return undefined
    return newest.atNano - this.#crashes[0]!.atNano < this.#windowNano ? [...this.#crashes] : undefined
  }

  /** Crashes less than a window before `nowNano`, however few. */
  recent(nowNano: bigint): readonly Crash[] {
    return this.#crashes.filter((crash) => nowNano - crash.atNano < this.#windowNano)
  }

  /** Forgets the crashes, not the runs: the episode they belong to is over. `first` opens a new count. */
  forgetCrashes(first?: Crash): void {
    this.#crashes = first === undefined ? [] : [first]
  }

  #crash(signal: UnitSignal): Crash {
    this.#crashedSinceStart = true
    return this.#add({ atNano: signal.event.timeUnixNano, invocationId: signal.invocationId, how: signal.how })
  }

  #add(crash: Crash): Crash {
    const newest = this.#crashes.at(-1)
    // More than a window back is no late event but a clock set back: what lies in the future would never grow old.
    if (newest !== undefined && newest.atNano - crash.atNano > this.#windowNano)
      this.#crashes = this.#crashes.map((old) => (old.atNano > crash.atNano ? { ...old, atNano: crash.atNano } : old))
    let at = this.#crashes.length
    while (at > 0 && this.#crashes[at - 1]!.atNano > crash.atNano) at--
    this.#crashes.splice(at, 0, crash)
    if (this.#crashes.length > this.#threshold) this.#crashes.shift()
    return crash
  }

  #isNewEnd(signal: UnitSignal): boolean {
    return this.#isNew(`end ${runKey(signal)}`)
  }

  #isNew(key: string): boolean {
    if (this.#known.has(key)) return false
    this.#known.add(key)
    if (this.#known.size > kMaxKnownRuns) {
      for (const oldest of this.#known) {
        this.#known.delete(oldest)
        break
      }
    }
    return true
  }
}

function runKey({ kind, invocationId, event }: UnitSignal): string {
  return invocationId === '' ? `${kind} ${event.timeUnixNano}` : invocationId
}
