import type { SignalReader } from '../../binding/signal-source.js'
import type { RawEvent } from '../../data/event.js'
import { type ListedUnit, noFacts } from '../../data/unit-snapshot.js'
import { readConfigurations, readDependencies, readFileStates } from '../../lib/systemd/configuration-reader.js'
import type { ControlPlane } from '../../lib/systemd/control-plane.js'
import { type GapReason, gapEvent } from '../../lib/systemd/source-event.js'
import { readConfiguredUsec, readRest } from '../../lib/systemd/unit-reader.js'
import type { Gap } from './record-queue.js'
import { SweepPace } from './sweep-pace.js'
import { UnitReading } from './unit-reading.js'
import type { WatchOptions } from './watch-options.js'

/** Of those whose UnitFileState is: 1 to 3 ms of PID 1 each. */
const kMaxFileStatesPerSweep = 8
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
  readonly #reading: UnitReading
  readonly #pace = new SweepPace()
  /** Units that were not as listed, and since when they were as they were known. */
  #suspects: ReadonlyMap<string, number> = new Map()
  /** Units that systemd listed as loaded since it read its files; signals tell of each that has gone. Kept while some are to be read. */
  #loaded: ReadonlySet<string> = none
  /** It has read its files, and not listed its units since. */
  #reloaded = true
  /** The first list since then, of which nothing was read yet. */
  #anew: readonly string[] | undefined

  constructor(options: SynchroniserOptions) {
    this.#options = options
    this.#reading = new UnitReading(options.plane, options)
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
    const { tracker, reader, settings, plane, history } = this.#options
    const listedUsec = Number(settings.clock.unixNano() / 1000n)
    const configuredUsec = await readConfiguredUsec(plane)
    this.#reloaded = true
    const listed = await this.#list()
    tracker.noteConfigured(configuredUsec)
    if (gap === undefined) return this.#begin(listed, listedUsec)
    if (gap.reason === 'lost_records') reader.forget() // the lost ones must not count as seen
    const fromJournal = history.available && lostSignals.has(gap.reason)
    // What the journal tells of some must not stand beside what waiting signals tell of others: it tells all, or nothing.
    const of = fromJournal ? undefined : gap.units
    const names =
      of === undefined ? await this.#reading.changed(listed) : namesOf(listed).filter((name) => of.has(name))
    const units = await this.#reading.read(names)
    const nowNs = settings.clock.unixNano()
    if (!fromJournal) {
      const events = tracker.resync(units, tracker.missing(listed), nowNs)
      return [gapEvent(settings.resources, gap.reason, gap.lost, nowNs), ...events]
    }
    const told = await history.since(units, sinceUsec, kOnItsWayUsec)
    const explained = await this.#reading.explain(units, told.entries)
    const events = tracker.resync(explained, tracker.missing(listed), nowNs, told.entries, { sinceUsec, listedUsec })
    return [gapEvent(settings.resources, gap.reason, gap.lost, nowNs), ...told.events, ...events]
  }

  /**
   * systemd has read its unit files anew. PID 1 does nothing else meanwhile, and all that it sent is told, so nothing was
   * missed: what still differs after that is found by the next two looks.
   */
  reloaded(): RawEvent[] {
    const { tracker, settings } = this.#options
    tracker.noteConfigured(undefined)
    this.#reloaded = true
    this.#loaded = none
    return [gapEvent(settings.resources, 'reload', 0, settings.clock.unixNano())]
  }

  /** The first reading: how things are, or what has changed since an earlier run of this agent. */
  async #begin(listed: readonly ListedUnit[], listedUsec: number): Promise<RawEvent[]> {
    const { tracker, settings, history } = this.#options
    const { continued } = tracker.accounts
    const isNew = continued === undefined || continued.sameBoot === false
    const units = await (isNew ? this.#reading.readNew(listed, listedUsec) : this.#reading.readOn(listed))
    const nowNs = settings.clock.unixNano()
    if (continued === undefined) return tracker.begin(units, nowNs)
    const reason = continued.sameBoot === false ? 'reboot' : 'agent_restart'
    const gap = gapEvent(settings.resources, reason, 0, nowNs, continued.sinceUsec)
    // After the units: so the journal tells all that led to what was read, and perhaps more, which is left out.
    // What it had been sent last was not all that PID 1 had told the journal by then.
    const told = await history.since(units, continued.sinceUsec, kOnItsWayUsec)
    // A shutdown stops all there is: whose failure stopped a unit is not worth PID 1's time while the machine comes up.
    const asked = isNew ? told.entries.filter(({ kind }) => kind !== 'stopped') : told.entries
    tracker.learnGone(await this.#reading.needsOfGone(units, asked), nowNs)
    const explained = await this.#reading.explain(units, asked)
    return [gap, ...told.events, ...tracker.begin(explained, nowNs, told.entries)]
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
    const units = await this.#reading.read(differing.filter((name) => !gone.has(name)))
    const nowNs = settings.clock.unixNano()
    const events = tracker.resync(
      units,
      differing.filter((name) => gone.has(name)),
      nowNs,
    )
    return events.length === 0 ? [] : [gapEvent(settings.resources, 'missed_signals', 0, nowNs), ...events]
  }

  /**
   * Reads what is not known yet of units, and the dependencies of those around them. Those known to be loaded only: asking
   * would load the others. Undefined when there were none, and systemd was not asked.
   *
   * @param signalsHold - all that systemd has signalled of its units was told
   */
  async readOn(signalsHold: boolean): Promise<RawEvent[] | undefined> {
    const { tracker, settings, surroundings, plane } = this.#options
    const wanted = tracker.unread().slice(0, this.#pace.units)
    const around = surroundings?.wanted ?? []
    if (wanted.length === 0 && around.length === 0) return this.#readFileStates(signalsHold)
    await this.#listUnless(signalsHold && surroundings?.unheard !== true, [...wanted, ...around])
    if (this.#anew !== undefined && tracker.untracked === 0)
      surroundings?.readTogether(this.#anew, this.#unconfigured())
    this.#anew = undefined
    const startMs = settings.clock.monotonicMs()
    const isLoaded = (name: string): boolean => this.#loaded.has(name)
    surroundings?.learn(around, await readDependencies(plane, around.filter(isLoaded), 'needs'))
    const unread = wanted.filter((name) => tracker.facts(name) === undefined)
    const configurations = await readConfigurations(plane, unread.filter(isLoaded), (name) =>
      surroundings?.endsOf(name),
    )
    const brief = wanted.filter((name) => tracker.isBrief(name))
    const known = brief.filter(isLoaded).map((name) => ({ name, state: tracker.state(name)! }))
    const states = new Map((await readRest(plane, known)).map((one) => [one.name, one.state]))
    this.#pace.swept(wanted.length, settings.clock.monotonicMs() - startMs)
    const nowNs = settings.clock.unixNano()
    // Each is asked for once: of one that is gone there is nothing more to know.
    for (const name of brief) tracker.complete(name, states.get(name))
    const found = new Map(configurations.map((one) => [one.name, one]))
    const events = unread.flatMap((name) => {
      const { facts = noFacts, dependencies, ends } = found.get(name) ?? {}
      return tracker.learn(name, { facts, dependencies, ends }, nowNs)
    })
    surroundings?.swept(this.#unconfigured())
    return events
  }

  #unconfigured(): string[] {
    const { tracker } = this.#options
    return tracker.unread().filter((name) => tracker.facts(name) === undefined)
  }

  /** A few at a time: it is dear, and nothing waits for it but a label. */
  async #readFileStates(signalsHold: boolean): Promise<RawEvent[] | undefined> {
    const { tracker, plane, config } = this.#options
    const wanted = config.metrics.info ? tracker.withoutFileState(kMaxFileStatesPerSweep) : []
    if (wanted.length === 0) {
      this.#loaded = none
      return undefined
    }
    await this.#listUnless(signalsHold, wanted)
    const read = await readFileStates(
      plane,
      wanted.filter((name) => this.#loaded.has(name)),
    )
    for (const name of wanted) tracker.learnFileState(name, read.get(name) ?? '')
    return []
  }

  /** In how many milliseconds `readOn` should go on; undefined when nothing is left. */
  get readOnInMs(): number | undefined {
    return this.#options.tracker.unread().length > 0 ? this.#pace.pauseMs : undefined
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
    const { plane, tracker, surroundings, settings } = this.#options
    const units = await plane.listUnits()
    tracker.series.noteTargets(units)
    // A unit named by another but without a file; one whose file was removed while it runs still counts.
    const loaded = units.filter(({ loadState, activeState }) => loadState !== 'not-found' || activeState !== 'inactive')
    this.#loaded = new Set(namesOf(loaded))
    if (this.#reloaded) {
      surroundings?.listed(loaded, Number(settings.clock.unixNano() / 1000n))
      this.#anew = namesOf(loaded)
    }
    this.#reloaded = false
    return loaded
  }

  #watched(units: readonly ListedUnit[]): ListedUnit[] {
    return units.filter(({ name }) => this.#options.selection.accepts(name))
  }

  /** A list is 11 ms of PID 1 for a thousand units: sweeps go on with the last one, as long as signals tell which of it are gone. */
  async #listUnless(signalsHold: boolean, names: readonly string[]): Promise<void> {
    if (!signalsHold || names.some((name) => !this.#loaded.has(name))) await this.#listAll()
  }
}

const none: ReadonlySet<string> = new Set()

function namesOf(units: readonly ListedUnit[]): string[] {
  return units.map(({ name }) => name)
}
