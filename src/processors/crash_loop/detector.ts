import type { RawEvent } from '../../data/event.js'
import { type EndOutcome, Episode } from './episode.js'
import { UnitHistory } from './unit-history.js'
import { readUnitSignal, type UnitSignal } from './unit-signal.js'

export interface DetectorLimits {
  readonly threshold: number
  readonly windowMs: number
  readonly recoveryMs: number
  readonly maxUnits: number
}

/** An open loop, and when it is over if nothing more happens (monotonic milliseconds). */
interface Open {
  readonly episode: Episode
  readonly history: UnitHistory
  readonly dueMs: number
}

/**
 * Crash loops of all units. No timers of its own: `observe` takes events, `expire` is to be called at `nextDueMs`.
 * Bounded in units; idempotent, since a batch may be offered again.
 */
export class CrashLoopDetector {
  readonly #limits: DetectorLimits
  readonly #onEvicted: () => void
  /** Least recently active first. */
  readonly #histories = new Map<string, UnitHistory>()
  /** By last crash, and so by due time, since the recovery time is the same for all. */
  readonly #open = new Map<string, Open>()

  constructor(limits: DetectorLimits, onEvicted: () => void) {
    this.#limits = limits
    this.#onEvicted = onEvicted
  }

  get openLoops(): number {
    return this.#open.size
  }

  /** When the first open loop is over; undefined when none is open. */
  get nextDueMs(): number | undefined {
    for (const open of this.#open.values()) return open.dueMs
    return undefined
  }

  /** Pattern events that this event gives rise to. */
  observe(event: RawEvent, nowMs: number): readonly RawEvent[] {
    const signal = readUnitSignal(event)
    if (signal === undefined) return []
    const history = this.#historyOf(signal)
    if (history === undefined) return []
    if (signal.kind === 'gave_up') return history.isNewGiveUp(signal) ? this.#giveUp(signal, history) : []
    const crash = history.take(signal)
    if (crash === undefined) return []
    const out: RawEvent[] = []
    let open = this.#open.get(signal.key)
    const recoveryNano = BigInt(this.#limits.recoveryMs) * 1_000_000n
    if (open !== undefined && crash.atNano - open.episode.lastNano >= recoveryNano) {
      // Event time says it was quiet long enough, though the timer has not fired: events arrive faster than they happened.
      const atNano = open.episode.lastNano + recoveryNano
      out.push(open.episode.ended('recovered', atNano, event.observedTimeUnixNano))
      this.#open.delete(signal.key)
      history.forgetCrashes(crash)
      open = undefined
    }
    const dueMs = nowMs + this.#limits.recoveryMs
    if (open !== undefined) {
      open.episode.add(crash)
      this.#open.delete(signal.key)
      this.#open.set(signal.key, { ...open, dueMs })
      return out
    }
    const crashes = history.loop()
    if (crashes === undefined) return out
    const episode = new Episode(signal, crashes)
    this.#open.set(signal.key, { episode, history, dueMs })
    out.push(episode.detected(this.#limits, false))
    return out
  }

  /** Ends the loops that have been quiet for the recovery time. */
  expire(nowMs: number, nowNano: bigint): readonly RawEvent[] {
    const out: RawEvent[] = []
    for (const [key, { episode, history, dueMs }] of this.#open) {
      if (dueMs > nowMs) break
      this.#open.delete(key)
      history.forgetCrashes()
      out.push(episode.ended(outcomeOf(history), nowNano, nowNano))
    }
    return out
  }

  // systemd's own verdict needs no threshold: what crashed in the window is reported, whatever its number.
  #giveUp(signal: UnitSignal, history: UnitHistory): readonly RawEvent[] {
    const { timeUnixNano, observedTimeUnixNano } = signal.event
    const open = this.#open.get(signal.key)
    const crashes = history.recent(timeUnixNano)
    this.#open.delete(signal.key)
    history.forgetCrashes()
    if (open !== undefined) return [open.episode.ended('gave_up', timeUnixNano, observedTimeUnixNano)]
    if (crashes.length === 0) return []
    const episode = new Episode(signal, crashes)
    return [episode.detected(this.#limits, true), episode.ended('gave_up', timeUnixNano, observedTimeUnixNano)]
  }

  #historyOf(signal: UnitSignal): UnitHistory | undefined {
    const known = this.#histories.get(signal.key)
    if (known !== undefined) {
      this.#histories.delete(signal.key)
      this.#histories.set(signal.key, known)
      return known
    }
    // A unit that has never crashed needs no memory: most units of a host never enter here.
    const crashed =
      signal.kind === 'failed' || (signal.auto && (signal.kind === 'restarting' || signal.kind === 'restarted'))
    if (!crashed) return undefined
    const history = new UnitHistory(this.#limits.threshold, BigInt(this.#limits.windowMs) * 1_000_000n)
    this.#histories.set(signal.key, history)
    if (this.#histories.size > this.#limits.maxUnits) this.#evict()
    return history
  }

  /** Forgets the unit heard of longest ago; one whose loop is still open, and whose end would go untold, only at need. */
  #evict(): void {
    let key = ''
    for (const candidate of this.#histories.keys()) {
      if (!this.#open.has(candidate)) {
        key = candidate
        break
      }
      key ||= candidate
    }
    this.#histories.delete(key)
    this.#open.delete(key)
    this.#onEvicted()
  }
}

function outcomeOf(history: UnitHistory): EndOutcome {
  return history.state === 'running' ? 'recovered' : history.state
}
