import type { UnitSignal } from '../../lib/patterns/detector.js'
import { attr } from '../../lib/systemd/names.js'
import { type Crash, kBriefMs, kUnseen, upMs } from './crash.js'
import { kFlaps } from './kind.js'

/**
 * Keys of runs by which what is told again is recognised (failed + restarting of one run); so many at least, and at most twice as
 * many. Of batches that are offered again the processor takes care.
 */
const kKnownRuns = 32
/** Crashes looked at for what kind of loop it is. */
export const kMaxLooked = 8

export const states = ['running', 'waiting', 'failed', 'stopped', 'gave_up'] as const
export type State = (typeof states)[number]

/** The crashes of one unit, each counted once. */
export class UnitHistory {
  readonly #kept: number
  #known = new Set<string>()
  #knownBefore: ReadonlySet<string> = new Set()
  /** The newest of them, by time. */
  #crashes: Crash[] = []
  #crashedSinceStart = false
  #upSinceMs = Number.NaN
  /** What the unit did last. */
  state: State = 'running'

  constructor(threshold: number) {
    this.#kept = Math.max(kFlaps * threshold, kMaxLooked)
  }

  /** Those that count, oldest first. */
  get crashes(): readonly Crash[] {
    return this.#crashes.filter(({ counts }) => counts === 'yes')
  }

  /** All from less than `windowMs` before `atMs`, also those of quiet times: what there is to say of a unit that gave up. */
  recent(atMs: number, windowMs: number): readonly Crash[] {
    return this.#crashes.filter((crash) => atMs - crash.atMs < windowMs)
  }

  /** What an earlier agent knew: the newest crashes, oldest first, and the runs whose end was told. */
  restore(state: State, crashes: readonly Crash[], runs: readonly string[]): void {
    this.state = state
    this.#crashedSinceStart = state !== 'running' && state !== 'stopped'
    this.#crashes = crashes.slice(-this.#kept)
    for (const run of runs) this.#isNew(`end ${run}`)
    const last = runs.at(-1)
    if (state === 'gave_up' && last !== undefined) this.#isNew(`give up ${last}`)
  }

  /** How many crashes it looks at, those of quiet times included. */
  get size(): number {
    return this.#crashes.length
  }

  /** The loop they belong to is over; runs stay known. */
  forgetCrashes(): void {
    this.#crashes = []
  }

  /** The new crashes that the signal tells of, whether they count or not; mostly none. */
  take(signal: UnitSignal): readonly Crash[] {
    switch (signal.kind) {
      case 'failed':
        return this.#failed(signal)
      case 'restarting':
        return this.#restarting(signal)
      case 'restarted':
        return this.#restarted(signal)
      case 'started':
        if (this.#isNew(`start ${runKey(signal)}`)) this.#begin(signal)
        return none
      case 'stopped':
        if (this.#isNew(`stop ${runKey(signal)}`)) this.state = 'stopped'
        return none
      case 'gave_up':
      case 'oom_killed':
        return none
    }
  }

  /** Whether start-limit-hit is told of for the first time. */
  isNewGiveUp(signal: UnitSignal): boolean {
    return this.#isNew(`give up ${runKey(signal)}`)
  }

  #failed(signal: UnitSignal): readonly Crash[] {
    if (!this.#isNewEnd(signal)) return none
    this.state = 'failed'
    // Somebody has asked for its end: how it ended is no crash.
    if (signal.event.attributes[attr.verdict] === 'stopped_by_operator') return none
    return this.#crash(signal)
  }

  #restarting(signal: UnitSignal): readonly Crash[] {
    // Without an invocation ID, order alone tells that this is the second half of a failure.
    const told = signal.invocationId === '' && this.#crashedSinceStart
    const isNew = signal.auto && !told && this.#isNewEnd(signal)
    if (isNew || this.#crashedSinceStart) this.state = 'waiting'
    const crashes = isNew && !this.#hasDoneItsWork(signal) ? this.#crash(signal) : none
    const last = this.#crashes.at(-1)
    if (signal.auto && last !== undefined && last.run === signal.invocationId) last.restarted = true
    return signal.auto ? [...crashes, ...this.#unseen(signal, missedRestarts(signal) - 1)] : none
  }

  #restarted(signal: UnitSignal): readonly Crash[] {
    if (!this.#isNew(`start ${runKey(signal)}`)) return none
    // Up again by itself, so a run must have ended that nobody told of (events suppressed, a gap).
    const seen = this.#crashedSinceStart || this.state === 'waiting'
    const missed = Math.max(missedRestarts(signal), 1)
    const unseen = signal.auto ? this.#unseen(signal, seen ? missed - 1 : missed) : none
    const last = this.#crashes.at(-1)
    // Not negative where the clock was set back meanwhile, by less than what steady time minds.
    if (signal.auto && last?.restarted === true && Number.isNaN(last.waitedMs))
      last.waitedMs = Math.max(signal.atMs - last.atMs, 0)
    this.#begin(signal)
    return unseen
  }

  /** A run has begun. */
  #begin({ kind, auto, atMs }: UnitSignal): void {
    this.#crashedSinceStart = false
    this.#upSinceMs = atMs
    this.state = 'running'
    // Somebody begins anew: one failure of each version that was tried is no loop of any.
    if (kind === 'started' || !auto)
      for (const crash of this.#crashes) if (crash.counts === 'perhaps') crash.counts = 'no'
  }

  /** It ended in order after some time: a service that is meant to be begun anew now and then (Restart=always). */
  #hasDoneItsWork(signal: UnitSignal): boolean {
    return signal.how === 'success' && upMs(signal.event, this.#upSinceMs, signal.atMs) >= kBriefMs
  }

  #crash(signal: UnitSignal): readonly Crash[] {
    this.#crashedSinceStart = true
    const { atMs, invocationId, how, event } = signal
    return this.#add(signal, invocationId, how, upMs(event, this.#upSinceMs, atMs))
  }

  /** Crashes that nobody told of, but a counter or the next run. */
  #unseen(signal: UnitSignal, count: number): readonly Crash[] {
    const crashes: Crash[] = []
    for (let n = 0; n < Math.min(count, this.#kept); n++) crashes.push(...this.#add(signal, '', kUnseen, Number.NaN))
    return crashes
  }

  #add({ atMs, quiet }: UnitSignal, run: string, how: string, upMs: number): readonly Crash[] {
    const counts = quiet === undefined ? 'yes' : excuses.has(quiet) ? 'perhaps' : 'no'
    const crash: Crash = { atMs, run, how, upMs, restarted: false, waitedMs: Number.NaN, counts }
    let at = this.#crashes.length
    while (at > 0 && this.#crashes[at - 1]!.atMs > atMs) at--
    this.#crashes.splice(at, 0, crash)
    if (this.#crashes.length > this.#kept) this.#crashes.shift()
    // It goes on, so there was no excuse.
    if (counts === 'yes') for (const one of this.#crashes) if (one.counts === 'perhaps') one.counts = 'yes'
    return [crash]
  }

  #isNewEnd(signal: UnitSignal): boolean {
    return this.#isNew(`end ${runKey(signal)}`)
  }

  #isNew(key: string): boolean {
    if (this.#known.has(key) || this.#knownBefore.has(key)) return false
    if (this.#known.size >= kKnownRuns) {
      this.#knownBefore = this.#known
      this.#known = new Set()
    }
    this.#known.add(key)
    return true
  }
}

const none: readonly Crash[] = Object.freeze([])

/** A new version may fail once before it runs, and so may anything while clocks and networks come back; if it goes on it is a loop. */
const excuses: ReadonlySet<UnitSignal['quiet']> = new Set(['deployment', 'suspend_or_clock_step'])

/** Restarts by which systemd's counter went up unseen, the one that is told included; of a time nobody watched they prove nothing. */
function missedRestarts({ event, quiet }: UnitSignal): number {
  const missed = event.attributes[attr.missedRestarts]
  return typeof missed === 'number' && quiet === undefined ? missed : 0
}

function runKey({ kind, invocationId, event }: UnitSignal): string {
  return invocationId === '' ? `${kind} ${event.timeUnixNano}` : invocationId
}
