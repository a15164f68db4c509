import type { RawEvent } from '../../data/event.js'
import type { UnitState } from '../../data/signal-record.js'
import type { UnitSnapshot } from '../../data/unit-snapshot.js'
import type { Source } from './evidence.js'
import type { HistoryEntry } from './history-entry.js'
import { HistoryReplay, planReplay } from './history-replay.js'
import { kMaxJobsTold } from './tracker-state.js'
import { unloadedState } from './unit-phase.js'
import type { UnitStore } from './unit-store.js'
import type { UnitTeller } from './unit-teller.js'

/** As `UnitTracker` unloads a unit. */
type Unload = (out: RawEvent[], name: string, observedNs: bigint, source: Source) => void

/** A time in which signals were lost while somebody listened. */
export interface ListenedGap {
  /** What happened before then was told, microseconds since 1970. */
  readonly sinceUsec: number
  /**
   * When systemd was asked which units it has, microseconds since 1970. Those that it had not were gone then; or they came
   * later, and signals tell.
   */
  readonly listedUsec: number
}

/** Tells from the journal what led from the states that are known to those that were read. */
export class HistoryTeller {
  readonly #units: UnitStore
  readonly #teller: UnitTeller
  readonly #unload: Unload
  /** Until when all was told, also of units that are not known any more, microseconds since 1970. */
  sinceUsec = 0
  /** A refusal changes no state, so nothing else says that it is no news. */
  readonly #jobsTold = new Set<number>()

  constructor(units: UnitStore, teller: UnitTeller, unload: Unload) {
    this.#units = units
    this.#teller = teller
    this.#unload = unload
  }

  /** Jobs whose refusal was told, the last of them. */
  get jobsTold(): readonly number[] {
    return [...this.#jobsTold]
  }

  /** Goes on where an earlier run of this program stopped. */
  restore(sinceUsec: number, jobsTold: readonly number[]): void {
    this.sinceUsec = sinceUsec
    for (const jobId of jobsTold) this.jobTold(jobId)
  }

  /** systemd counts its jobs anew. */
  booted(): void {
    this.#jobsTold.clear()
  }

  /** How a job ended was told. */
  jobTold(jobId: number): void {
    this.#jobsTold.add(jobId)
    if (this.#jobsTold.size <= kMaxJobsTold) return
    for (const oldest of this.#jobsTold) {
      this.#jobsTold.delete(oldest)
      break
    }
  }

  /**
   * In the order of the journal, over all units.
   *
   * @param units - as read now; they are not taken in yet
   * @param gap - and which units are gone: the others that were not read are as they were known
   * @returns the units it told of
   */
  tell(
    out: RawEvent[],
    history: readonly HistoryEntry[],
    units: readonly UnitSnapshot[],
    observedNs: bigint,
    gap?: ListenedGap & { readonly gone: readonly string[] },
  ): ReadonlySet<string> {
    if (gap !== undefined) this.sinceUsec = gap.sinceUsec
    const replays = new Map<string, HistoryReplay>()
    if (history.length === 0) return new Set()
    const read = new Map(units.map((unit) => [unit.name, unit]))
    const wasLoaded = new Set(this.#units.followed.keys())
    const gone = new Set(gap?.gone)
    const isAsItWas = (name: string): boolean => gap !== undefined && wasLoaded.has(name) && !gone.has(name)
    const stateNow = (name: string): UnitState | undefined =>
      read.get(name)?.state ?? (isAsItWas(name) ? this.#known(name) : undefined)
    const untilUsec = gap?.listedUsec ?? Number(observedNs / 1000n)
    const plan = planReplay(history, (name) => this.#known(name), stateNow, untilUsec)
    for (const { entry, next } of plan) {
      const name = entry.unit
      if (entry.kind === 'start_failed' && !this.#isNews(entry, gap !== undefined)) continue
      const unit = this.#units.follow(name)
      if (unit === undefined) continue
      const facts = read.get(name)?.facts
      if (unit.facts === undefined && facts !== undefined)
        this.#teller.learn(out, name, unit, facts, observedNs, 'journal')
      const replay = replays.get(name) ?? new HistoryReplay(unit)
      replays.set(name, replay)
      const happened = replay.feed(entry, next)
      if (entry.kind === 'start_failed') this.#teller.causes.jobRemoved(name, entry.result ?? 'failed')
      this.#teller.tell(out, name, unit, happened, observedNs, 'journal')
    }
    for (const name of replays.keys())
      if (!read.has(name) && !wasLoaded.has(name)) this.#unload(out, name, observedNs, 'reading')
    return new Set(replays.keys())
  }

  /** Jobs of another boot, or of a PID 1 that began anew, have the same IDs: what is later than all that was told is none of those. */
  #isNews({ jobId, atUsec }: HistoryEntry, listened: boolean): boolean {
    if (jobId === undefined || (!listened && atUsec > this.sinceUsec)) return true
    const isNews = !this.#jobsTold.has(jobId)
    if (isNews) this.jobTold(jobId)
    return isNews
  }

  /** The last state that was told of a unit. */
  #known(name: string): UnitState {
    const unit = this.#units.find(name)
    const last = this.#units.lastRun(name)
    // Loaded anew, and not run since: what is known is how its last run ended.
    if (unit?.loaded === true && (last === undefined || unit.machine.state.invocationId !== ''))
      return unit.machine.state
    const { invocationId = '', atUsec = this.sinceUsec } = last ?? {}
    return { ...unloadedState, invocationId, stateChangeUsec: atUsec, nRestarts: Number.MAX_SAFE_INTEGER }
  }
}
