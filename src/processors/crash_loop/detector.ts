import type { Detector, DetectorContext, OpenFinding, Unit, UnitSignal } from '../../lib/patterns/detector.js'
import { restoreUnits } from '../../lib/patterns/restored-units.js'
import type { SavedState } from '../../lib/patterns/saved-state.js'
import { UnitTable } from '../../lib/patterns/unit-table.js'
import type { Pausable } from '../../util/pausable.js'
import type { Crash } from './crash.js'
import { Episode } from './episode.js'
import { type Kind, kindOf, type Limits } from './kind.js'
import { type ReadEpisode, readEpisode, type SavedEpisode, savedEpisode } from './saved.js'
import { Tally } from './tally.js'
import { UnitHistory } from './unit-history.js'

export interface DetectorLimits extends Limits {
  readonly healthyMs: number
  readonly maxUnits: number
}

/** So long, at most, is waited for a slow loop to go on: as long as a timer of JavaScript can wait. */
const kMaxWaitMs = 24 * 86_400_000

/** How far the clock may have been set back while no agent ran, for what it has seen to be believed. */
const kMaxAheadMs = 60_000

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
  /** Loops of an earlier agent, until the first record tells what time it is. */
  readonly #restored = new Set<Known>()
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

  *openFindings(): Generator<OpenFinding> {
    // A loop waits for its end, always; one of an earlier agent as soon as there is a time.
    for (const known of [this.#restored, this.#due])
      for (const { unit, episode } of known)
        if (episode !== undefined) yield { unit, kind: episode.kind, sinceMs: episode.tally.firstMs }
  }

  get dueMs(): number | undefined {
    return this.#restored.size > 0 ? Number.NEGATIVE_INFINITY : this.#dueMs
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
      for (const crash of crashes) episode.tally.add(crash)
      const update = isLoud ? episode.updated(kind, signal) : undefined
      if (update !== undefined) this.#context.tell(update)
    } else if (kind !== undefined) {
      this.#begin(known, this.#episode(signal.unit, kind, history.crashes))
      this.#context.tell(known.episode!.detected(signal.atMs, signal.event))
    } else return
    this.#waitForHealth(known, known.episode!.tally.lastMs)
  }

  /** Ends the loops that have been quiet for long enough, and tells what is still so of what was put off: in order of time. */
  elapse(nowMs: number): void {
    for (const known of this.#restored) this.#watchAgain(known, nowMs)
    this.#restored.clear()
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
      else if (episode !== undefined) this.#waitForHealth(known, episode.tally.lastMs)
    } else if (episode !== undefined) {
      this.#end(known)
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
      this.#begin(known, this.#episode(unit, 'start_limit', crashes))
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

  #episode(unit: Unit, kind: Kind, crashes: readonly Crash[]): Episode {
    return new Episode(unit, kind, new Tally(crashes), this.#limits, this.#context)
  }

  #begin(known: Known, episode: Episode): void {
    known.episode = episode
    this.#open++
  }

  #end(known: Known): void {
    delete known.episode
    this.#open--
    known.history.forgetCrashes()
  }

  #waitForHealth(known: Known, sinceMs: number): void {
    if (known.postponed === undefined) this.#wait(known, sinceMs + this.#healthMs(known))
  }

  /** A loop with long pauses is not over in one of them. */
  #healthMs({ episode }: Known): number {
    const { healthyMs, slowMs, threshold, windowMs } = this.#limits
    const intervalMs = episode?.tally.intervalMs ?? 0
    // What is too slow for the window is over when the next crash would not belong to it any more.
    const isSlow = intervalMs * (threshold - 1) >= windowMs
    return Math.min(Math.max(healthyMs, 2 * intervalMs, isSlow ? slowMs : 0), kMaxWaitMs)
  }

  /** Silence that nobody heard proves nothing: what would have ended meanwhile has to stay up once more, and be seen to. */
  #watchAgain(known: Known, nowMs: number): void {
    const { episode } = known
    if (episode === undefined) return
    const { lastMs } = episode.tally
    // It comes from a time that has not been yet: it would never end.
    if (lastMs > nowMs + kMaxAheadMs) this.#end(known)
    else this.#waitForHealth(known, lastMs + this.#healthMs(known) > nowMs ? lastMs : nowMs)
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
    this.#restored.delete(known)
    this.#context.evicted()
  }

  /** Loops that are open; units that only crashed now and then are known anew soon enough. */
  save(): SavedState {
    return { units: this.#savedEpisodes() }
  }

  *#savedEpisodes(): Generator<SavedEpisode> {
    for (const [, { episode, history }] of this.#units.snapshot())
      if (episode !== undefined) yield savedEpisode(episode, history, this.#context)
  }

  /** All of it or nothing. */
  restore(saved: unknown): Pausable<void> {
    return restoreUnits<SavedEpisode, ReadEpisode>(saved, {
      read: (one) => readEpisode(one, this.#context),
      keyOf: ({ unit }) => unit.key,
      take: (episode) => this.#take(episode),
      max: this.#limits.maxUnits,
    })
  }

  #take({ unit, kind, state, toldCount, tally, looked }: ReadEpisode): void {
    const known: Known = { unit, history: new UnitHistory(this.#limits.threshold) }
    known.history.restore(state, looked, tally.runs)
    this.#begin(known, new Episode(unit, kind, tally, this.#limits, this.#context, toldCount))
    this.#units.set(unit.key, known)
    this.#restored.add(known)
  }
}
