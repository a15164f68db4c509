import type { Detector, DetectorContext, Unit, UnitSignal } from '../../lib/patterns/detector.js'
import { UnitTable } from '../../lib/patterns/unit-table.js'
import { Episode } from './episode.js'
import { kindOf, type Limits } from './kind.js'
import { UnitHistory } from './unit-history.js'

export interface DetectorLimits extends Limits {
  readonly healthyMs: number
  readonly maxUnits: number
}

/** So long, at most, is waited for a slow loop to go on: as long as a timer of JavaScript can wait. */
const kMaxWaitMs = 24 * 86_400_000

/** What is known of one unit. */
interface Known {
  readonly unit: Unit
  readonly history: UnitHistory
  /** The loop that is open. */
  episode?: Episode
  /** When that is over if nothing more happens, or when a give-up of a quiet time is to be looked at again. */
  dueMs?: number
  /** systemd gave up in a quiet time. */
  postponed?: UnitSignal
}

/** Crash loops of all units. */
export class CrashLoopDetector implements Detector {
  readonly #limits: DetectorLimits
  readonly #context: DetectorContext
  readonly #units: UnitTable<Known>
  /** Those with something due. */
  readonly #due = new Set<Known>()
  /** Nothing is due before that. */
  #dueMs: number | undefined
  #open = 0

  constructor(limits: DetectorLimits, context: DetectorContext) {
    this.#limits = limits
    this.#context = context
    this.#units = new UnitTable(
      limits.maxUnits,
      (known) => this.#evicted(known),
      ({ dueMs }) => dueMs !== undefined,
    )
  }

  get open(): number {
    return this.#open
  }

  get dueMs(): number | undefined {
    return this.#dueMs
  }

  signal(signal: UnitSignal): void {
    const known = this.#known(signal)
    if (known === undefined) return
    const { history, episode } = known
    if (signal.kind === 'gave_up') {
      if (!history.isNewGiveUp(signal)) return
      history.state = 'gave_up'
      if (signal.quiet === undefined) this.#giveUp(known, signal, signal.atMs)
      else this.#postpone(known, signal, signal.atMs)
      return
    }
    const crashes = history.take(signal)
    if (crashes.length === 0) return
    const isLoud = signal.quiet === undefined
    const kind = isLoud ? kindOf(history.crashes, this.#limits) : undefined
    if (episode !== undefined) {
      // It goes on in a quiet time, too; only there is nothing to say of it.
      for (const crash of crashes) episode.add(crash)
      const update = isLoud ? episode.updated(kind, signal) : undefined
      if (update !== undefined) this.#context.tell(update)
    } else if (kind !== undefined) {
      this.#begin(known, new Episode(signal.unit, kind, history.crashes, this.#limits, this.#context))
      this.#context.tell(known.episode!.detected(signal.atMs, signal.event))
    } else return
    this.#waitForHealth(known, known.episode!.lastMs)
  }

  /** Ends the loops that have been quiet for long enough, and tells what is still so of what was put off: in order of time. */
  elapse(nowMs: number): void {
    while (this.#dueMs !== undefined && this.#dueMs <= nowMs) {
      const due = [...this.#due].filter(({ dueMs }) => dueMs! <= nowMs).sort((a, b) => a.dueMs! - b.dueMs!)
      this.#dueMs = undefined
      for (const known of due) {
        // What was settled is due again, and that comes first.
        if (this.#dueMs !== undefined && this.#dueMs < known.dueMs!) break
        this.#settle(known)
      }
      for (const { dueMs } of this.#due) this.#dueMs = Math.min(this.#dueMs ?? dueMs!, dueMs!)
    }
  }

  /** Its time has come. */
  #settle(known: Known): void {
    const { dueMs, postponed, episode, history } = known
    this.#forgetDue(known)
    if (postponed !== undefined) {
      delete known.postponed
      if (history.state === 'gave_up') this.#postpone(known, postponed, dueMs!)
      else if (episode !== undefined) this.#waitForHealth(known, episode.lastMs)
    } else if (episode !== undefined) {
      delete known.episode
      this.#open--
      history.forgetCrashes()
      this.#context.tell(episode.cleared(history.state, dueMs!))
    }
  }

  // systemd's own verdict needs no threshold: what crashed in the window is told, whatever its number.
  #giveUp(known: Known, signal: UnitSignal, atMs: number): void {
    const { history, episode, unit } = known
    const cause = atMs === signal.atMs ? signal.event : undefined
    if (episode !== undefined) this.#context.tell(episode.gaveUp(atMs, cause))
    else {
      const crashes = history.recent(signal.atMs, this.#limits.windowMs)
      if (crashes.length === 0) return
      this.#begin(known, new Episode(unit, 'start_limit', crashes, this.#limits, this.#context))
      this.#context.tell(known.episode!.detected(atMs, cause))
    }
    history.forgetCrashes()
    this.#waitForHealth(known, atMs)
  }

  /** Told when the quiet time is over, if it is down for good then, too. */
  #postpone(known: Known, signal: UnitSignal, atMs: number): void {
    const untilMs = this.#context.quietUntilMs(known.unit, atMs)
    if (untilMs <= atMs) {
      this.#giveUp(known, signal, atMs)
      return
    }
    known.postponed = signal
    this.#wait(known, untilMs)
  }

  #begin(known: Known, episode: Episode): void {
    known.episode = episode
    this.#open++
  }

  /** A loop with long pauses is not over in one of them. */
  #waitForHealth(known: Known, sinceMs: number): void {
    if (known.postponed !== undefined) return
    const { healthyMs, slowMs, threshold, windowMs } = this.#limits
    const intervalMs = known.episode?.intervalMs ?? 0
    // What is too slow for the window is over when the next crash would not belong to it any more.
    const isSlow = intervalMs * (threshold - 1) >= windowMs
    const waitMs = Math.max(healthyMs, 2 * intervalMs, isSlow ? slowMs : 0)
    this.#wait(known, sinceMs + Math.min(waitMs, kMaxWaitMs))
  }

  #wait(known: Known, untilMs: number): void {
    known.dueMs = untilMs
    this.#due.add(known)
    this.#dueMs = Math.min(this.#dueMs ?? untilMs, untilMs)
  }

  #forgetDue(known: Known): void {
    delete known.dueMs
    this.#due.delete(known)
  }

  #known(signal: UnitSignal): Known | undefined {
    const { unit, kind, auto } = signal
    const known = this.#units.get(unit.key)
    if (known !== undefined) return known
    // A unit that has never crashed needs no memory: most units of a host never enter here.
    if (kind !== 'failed' && !(auto && (kind === 'restarting' || kind === 'restarted'))) return undefined
    const made = { unit, history: new UnitHistory(this.#limits.threshold) }
    this.#units.set(unit.key, made)
    return made
  }

  #evicted(known: Known): void {
    if (known.episode !== undefined) this.#open--
    this.#forgetDue(known)
    this.#context.evicted()
  }
}
