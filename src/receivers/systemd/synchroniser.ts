import type { SignalReader } from '../../binding/signal-source.js'
import type { RawEvent } from '../../data/event.js'
import type { ListedUnit, UnitSnapshot } from '../../data/unit-snapshot.js'
import { noFacts } from '../../data/unit-snapshot.js'
import type { ControlPlane } from '../../lib/systemd/control-plane.js'
import { type GapReason, gapEvent } from '../../lib/systemd/source-event.js'
import { readConfiguredUsec, readDependencies, readStamps, readUnits } from '../../lib/systemd/unit-reader.js'
import type { Gap } from './record-queue.js'
import type { WatchOptions } from './watch-options.js'

/** Configurations read at a time; the next sweep takes the rest. 64 units are 12 ms of PID 1, the first time after a reload 170 ms (decision 0187). */
const kMaxFactsPerSweep = 64
/** What PID 1 says to the journal and what it signals are milliseconds apart; on a host that is drowning, seconds. */
const kOnItsWayUsec = 5_000_000
/** Gaps in which much may have happened that only the journal knows. A reexec, too: PID 1 works for some 100 ms before it is on the bus again. */
const lostSignals: ReadonlySet<GapReason> = new Set(['bus_lost', 'bus_returned', 'reexec', 'lost_records'])

interface SynchroniserOptions
  extends Pick<WatchOptions, 'settings' | 'config' | 'tracker' | 'selection' | 'surroundings' | 'history'> {
  readonly plane: ControlPlane
  readonly reader: SignalReader
}

/** Brings the tracker to what systemd says: at the start, after gaps, and slowly all the time. Asks only about loaded units. */
export class Synchroniser {
  readonly #options: SynchroniserOptions
  /** Units that were not as listed, and since when they were as they were known. */
  #suspects: ReadonlyMap<string, number> = new Map()

  constructor(options: SynchroniserOptions) {
    this.#options = options
  }

  /** How long a gap should wait for its turn: records may be lost again and again, and each look into the journal costs. */
  waitMs(gap: Gap | undefined): number {
    return gap?.reason === 'lost_records' ? this.#options.history.waitMs() : 0
  }

  /**
   * Reads all there is (no gap: this is the beginning, and nothing has happened), or what may have changed in a gap.
   *
   * @param sinceUsec - when the gap began, microseconds since 1970
   */
  async synchronise(gap: Gap | undefined, sinceUsec: number): Promise<RawEvent[]> {
    const { tracker, reader, settings, surroundings, plane, history } = this.#options
    const listedUsec = Number(settings.clock.unixNano() / 1000n)
    const configuredUsec = await readConfiguredUsec(plane)
    const loaded = await this.#listAll()
    surroundings?.listed(loaded, Number(settings.clock.unixNano() / 1000n))
    const listed = this.#watched(loaded)
    tracker.noteConfigured(configuredUsec)
    if (gap === undefined) return this.#begin(listed)
    if (gap.reason === 'lost_records') reader.forget() // the lost ones must not count as seen
    const fromJournal = history.available && lostSignals.has(gap.reason)
    // What the journal tells of some must not stand beside what waiting signals tell of others: it tells all, or nothing.
    const ofAll: Gap = { reason: gap.reason, lost: gap.lost }
    const units = await this.#read(await this.#changedIn(fromJournal ? ofAll : gap, listed))
    const nowNs = settings.clock.unixNano()
    if (!fromJournal) {
      const events = tracker.resync(units, tracker.missing(listed), nowNs)
      return [gapEvent(settings.resources, gap.reason, gap.lost, nowNs), ...events]
    }
    const told = await history.since(sinceUsec, kOnItsWayUsec)
    const events = tracker.resync(units, tracker.missing(listed), nowNs, told.entries, { sinceUsec, listedUsec })
    return [gapEvent(settings.resources, gap.reason, gap.lost, nowNs), ...told.events, ...events]
  }

  /**
   * systemd has read its unit files anew. PID 1 does nothing else meanwhile, and all that it sent is told, so nothing was
   * missed: what still differs after that is found by the next two looks.
   */
  reloaded(): RawEvent[] {
    const { tracker, settings } = this.#options
    tracker.noteConfigured(undefined)
    return [gapEvent(settings.resources, 'reload', 0, settings.clock.unixNano())]
  }

  /** Those that may not be as they were, for the least that can be asked: all of a unit costs ten times its stamp. */
  async #changedIn({ units }: Gap, listed: readonly ListedUnit[]): Promise<string[]> {
    const { tracker, plane } = this.#options
    const names = listed.map(({ name }) => name)
    if (units !== undefined) return names.filter((name) => units.has(name))
    const differing = new Set(tracker.differing(listed))
    const stamps = await readStamps(
      plane,
      names.filter((name) => !differing.has(name)),
    )
    const changed = tracker.changed(stamps)
    return names.filter((name) => differing.has(name) || changed.has(name))
  }

  /** The first reading: how things are, or what has changed since an earlier run of this agent. */
  async #begin(listed: readonly ListedUnit[]): Promise<RawEvent[]> {
    const { tracker, settings, history } = this.#options
    const { continued } = tracker.accounts
    const units = await this.#read(listed.map(({ name }) => name))
    const nowNs = settings.clock.unixNano()
    if (continued === undefined) return tracker.begin(units, nowNs)
    const reason = continued.sameBoot === false ? 'reboot' : 'agent_restart'
    const gap = gapEvent(settings.resources, reason, 0, nowNs, continued.sinceUsec)
    // After the units: so the journal tells all that led to what was read, and perhaps more, which is left out.
    const told = await history.since(continued.sinceUsec)
    return [gap, ...told.events, ...tracker.begin(units, nowNs, told.entries)]
  }

  /** Compares states. True when some differ: perhaps only because their signals are still on the way. */
  async firstLook(): Promise<boolean> {
    const listed = await this.#list()
    this.#suspects = new Map(this.#differing(listed).map((name) => [name, this.#stampOf(name)]))
    return this.#suspects.size > 0
  }

  /** What still differs was told by no signal. */
  async secondLook(): Promise<RawEvent[]> {
    const { tracker, settings } = this.#options
    const listed = await this.#list()
    const suspects = this.#suspects
    const differing = this.#differing(listed).filter((name) => suspects.get(name) === this.#stampOf(name))
    this.#suspects = new Map()
    if (differing.length === 0) return []
    const gone = new Set(tracker.missing(listed))
    const units = await this.#read(differing.filter((name) => !gone.has(name)))
    const nowNs = settings.clock.unixNano()
    const events = tracker.resync(
      units,
      differing.filter((name) => gone.has(name)),
      nowNs,
    )
    return events.length === 0 ? [] : [gapEvent(settings.resources, 'missed_signals', 0, nowNs), ...events]
  }

  /**
   * Reads the configuration of units that appeared since, and the dependencies of those around them. Those known to be loaded
   * only: asking would load the others.
   * Undefined when there were none, and systemd was not asked.
   */
  async readFacts(): Promise<RawEvent[] | undefined> {
    const { tracker, settings, surroundings, plane } = this.#options
    const wanted = tracker.withoutFacts().slice(0, kMaxFactsPerSweep)
    const around = surroundings?.wanted ?? []
    if (wanted.length === 0 && around.length === 0) return undefined
    const loaded = new Set((await this.#listAll()).map(({ name }) => name))
    const isLoaded = (name: string): boolean => loaded.has(name)
    surroundings?.learn(around, await readDependencies(plane, around.filter(isLoaded), 'needs'))
    const read = await this.#read(wanted.filter(isLoaded))
    const nowNs = settings.clock.unixNano()
    const found = new Map(read.map((unit) => [unit.name, unit]))
    return wanted.flatMap((name) => {
      const { facts = noFacts, dependencies } = found.get(name) ?? {}
      return tracker.learn(name, { facts, dependencies }, nowNs)
    })
  }

  /** Configurations are still to be read. */
  get factsMissing(): boolean {
    return this.#options.tracker.withoutFacts().length > 0
  }

  /** A signal that has come changes it. */
  #stampOf(name: string): number {
    return this.#options.tracker.state(name)?.stateChangeUsec ?? 0
  }

  #differing(listed: readonly ListedUnit[]): string[] {
    const { tracker } = this.#options
    return [...tracker.differing(listed), ...tracker.missing(listed)]
  }

  async #list(): Promise<ListedUnit[]> {
    return this.#watched(await this.#listAll())
  }

  async #listAll(): Promise<ListedUnit[]> {
    const units = await this.#options.plane.listUnits()
    this.#options.tracker.series.noteTargets(units)
    // A unit named by another but without a file; one whose file was removed while it runs still counts.
    return units.filter(({ loadState, activeState }) => loadState !== 'not-found' || activeState !== 'inactive')
  }

  #watched(units: readonly ListedUnit[]): ListedUnit[] {
    return units.filter(({ name }) => this.#options.selection.accepts(name))
  }

  async #read(names: readonly string[]): Promise<UnitSnapshot[]> {
    const units = await readUnits(this.#options.plane, names)
    if (this.#options.config.track_dependencies) return units
    return units.map(({ dependencies: _, ...unit }) => unit)
  }
}
