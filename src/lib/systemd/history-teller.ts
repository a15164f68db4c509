import type { RawEvent } from '../../data/event.js'
import type { UnitState } from '../../data/signal-record.js'
import type { UnitSnapshot } from '../../data/unit-snapshot.js'
import type { Source } from './evidence.js'
import type { HistoryEntry } from './history-entry.js'
import { HistoryReplay, planReplay } from './history-replay.js'
import { unloadedState } from './unit-phase.js'
import type { UnitStore } from './unit-store.js'
import type { UnitTeller } from './unit-teller.js'

/** As `UnitTracker` unloads a unit. */
type Unload = (out: RawEvent[], name: string, observedNs: bigint, source: Source) => void

/** Tells from the journal what led from the states that are known to those that were read. */
export class HistoryTeller {
  readonly #units: UnitStore
  readonly #teller: UnitTeller
  readonly #unload: Unload
  /** Until when all was told, also of units that are not known any more, microseconds since 1970. */
  sinceUsec = 0

  constructor(units: UnitStore, teller: UnitTeller, unload: Unload) {
    this.#units = units
    this.#teller = teller
    this.#unload = unload
  }

  /**
   * In the order of the journal, over all units.
   *
   * @param units - as read now; they are not taken in yet
   * @returns the units it told of
   */
  tell(
    out: RawEvent[],
    history: readonly HistoryEntry[],
    units: readonly UnitSnapshot[],
    observedNs: bigint,
  ): ReadonlySet<string> {
    const replays = new Map<string, HistoryReplay>()
    if (history.length === 0) return new Set()
    const read = new Map(units.map((unit) => [unit.name, unit]))
    const wasLoaded = new Set(this.#units.followed.keys())
    const stateRead = (name: string): UnitState | undefined => read.get(name)?.state
    const plan = planReplay(history, (name) => this.#known(name), stateRead, Number(observedNs / 1000n))
    for (const { entry, next } of plan) {
      const name = entry.unit
      const unit = this.#units.follow(name)
      if (unit === undefined) continue
      const facts = read.get(name)?.facts
      if (unit.facts === undefined && facts !== undefined)
        this.#teller.tell(out, name, unit, unit.learn(facts), observedNs, 'journal')
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

  /** The last state that was told of a unit. */
  #known(name: string): UnitState {
    const unit = this.#units.find(name)
    if (unit?.loaded === true) return unit.machine.state
    const { invocationId = '', atUsec = this.sinceUsec } = this.#units.lastRun(name) ?? {}
    return { ...unloadedState, invocationId, stateChangeUsec: atUsec, nRestarts: Number.MAX_SAFE_INTEGER }
  }
}
