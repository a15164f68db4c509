import type { ListedUnit, UnitSnapshot } from '../../data/unit-snapshot.js'
import { readConfigurations, readDependencies } from '../../lib/systemd/configuration-reader.js'
import type { ControlPlane } from '../../lib/systemd/control-plane.js'
import type { HistoryEntry } from '../../lib/systemd/history-entry.js'
import { isAtRest, readBriefly, readStamps, readStates } from '../../lib/systemd/unit-reader.js'
import type { WatchOptions } from './watch-options.js'

/** Units of which all is read at once, as many as most hosts have; of more, what can wait is left to sweeps. */
const kMaxAtOnce = 128
/** What has ended like this has a verdict: whether systemd starts it again, or whose failure stopped it, is in its configuration. */
const ends: ReadonlySet<HistoryEntry['kind']> = new Set(['failed', 'restart_scheduled', 'start_failed', 'stopped'])

/** Asks systemd for the least that has to be known of its units now: PID 1 answers while others wait for it. */
export class UnitReading {
  readonly #plane: ControlPlane
  readonly #tracker: WatchOptions['tracker']
  readonly #withDependencies: boolean

  constructor(plane: ControlPlane, { tracker, config }: Pick<WatchOptions, 'tracker' | 'config'>) {
    this.#plane = plane
    this.#tracker = tracker
    this.#withDependencies = config.track_dependencies
  }

  /** Those that may not be as they were: all of a state costs twenty times its stamp. */
  async changed(listed: readonly ListedUnit[]): Promise<string[]> {
    const names = listed.map(({ name }) => name)
    const differing = new Set(this.#tracker.differing(listed))
    const stamps = await readStamps(
      this.#plane,
      names.filter((name) => !differing.has(name)),
    )
    const changed = this.#tracker.changed(stamps)
    return names.filter((name) => differing.has(name) || changed.has(name))
  }

  /** States, and the configurations of those that have none, of as many as can be read at once. */
  async read(names: readonly string[]): Promise<UnitSnapshot[]> {
    const units = await readStates(this.#plane, names)
    return this.#configure(units, names.slice(0, kMaxAtOnce))
  }

  /** Of units that nobody knows: where they are many, of those at rest what cannot wait. */
  async readNew(listed: readonly ListedUnit[], listedUsec: number): Promise<UnitSnapshot[]> {
    const some = listed.length > kMaxAtOnce ? listed.filter((one) => !isAtRest(one)).slice(0, kMaxAtOnce) : listed
    const whole = new Set(some.map(({ name }) => name))
    const others = listed.filter(({ name }) => !whole.has(name))
    return [...(await this.read([...whole])), ...(await readBriefly(this.#plane, others, listedUsec))]
  }

  /** Of units that an earlier run of this agent has left: what is as it was is known. */
  async readOn(listed: readonly ListedUnit[]): Promise<UnitSnapshot[]> {
    const changed = new Set(await this.changed(listed))
    const known = listed.flatMap(({ name }): UnitSnapshot[] => {
      const state = changed.has(name) ? undefined : this.#tracker.state(name)
      return state === undefined ? [] : [{ name, state, brief: this.#tracker.isBrief(name) }]
    })
    const units = [...(await this.read([...changed])), ...known]
    return units.length > kMaxAtOnce ? units : this.#configure(units, namesOf(units))
  }

  /** History that tells of ends needs to know what systemd does about them, and who took whom down. */
  explain(units: readonly UnitSnapshot[], history: readonly HistoryEntry[]): Promise<UnitSnapshot[]> {
    const ended = new Set(history.filter(({ kind }) => ends.has(kind)).map(({ unit }) => unit))
    return this.#configure(
      units,
      namesOf(units).filter((name) => ended.has(name)),
    )
  }

  /**
   * What units needed that the journal tells the stop of and that are not loaded any more, as most are not that were bound to one
   * which failed. To be asked loads them for a moment, as `systemctl status` does.
   */
  async needsOfGone(
    units: readonly UnitSnapshot[],
    history: readonly HistoryEntry[],
  ): ReturnType<typeof readDependencies> {
    if (!this.#withDependencies) return []
    const loaded = new Set(namesOf(units))
    const stopped = history.filter(({ kind, jobType, unit }) => isStop(kind, jobType) && !loaded.has(unit))
    const names = new Set(stopped.map(({ unit }) => unit))
    return readDependencies(this.#plane, [...names].slice(0, kMaxAtOnce), 'needs')
  }

  /** Adds the configurations of those of `names` that are not known. */
  async #configure(units: readonly UnitSnapshot[], names: readonly string[]): Promise<UnitSnapshot[]> {
    const known = new Set(namesOf(units.filter(({ facts }) => facts !== undefined)))
    const wanted = names.filter((name) => !known.has(name) && this.#tracker.facts(name) === undefined)
    const read = await readConfigurations(this.#plane, wanted, () => (this.#withDependencies ? 'both' : undefined))
    const found = new Map(read.map((one) => [one.name, one]))
    return units.map((unit) => ({ ...unit, ...found.get(unit.name) }))
  }
}

/** By a job, and not as the first half of a restart. */
function isStop(kind: HistoryEntry['kind'], jobType: string | undefined): boolean {
  return kind === 'stopped' && jobType === 'stop'
}

function namesOf(units: readonly UnitSnapshot[]): string[] {
  return units.map(({ name }) => name)
}
