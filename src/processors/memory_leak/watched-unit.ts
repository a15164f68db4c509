import type { GrowthOptions } from '../../lib/growth/growing.js'
import { Growth, type SavedGrowth } from '../../lib/growth/growth.js'
import type { DetectorContext, Unit } from '../../lib/patterns/detector.js'
import { isRun, readUnitName, type SavedUnitName, savedUnitName } from '../../lib/patterns/saved-unit.js'
import { readTimes, savedTimes } from '../../lib/storage/saved-values.js'
import type { LimitKind, Quantity } from './finding.js'

/** In the state file: times are microseconds since 1970. */
export interface SavedUnit extends SavedUnitName {
  readonly key: string
  readonly run: string
  readonly seenUsec: number
  readonly memory?: SavedGrowth
  readonly tasks?: SavedGrowth
}

/** What is known of a unit: the reading that is under way, and how its memory and its tasks have gone. */
export class WatchedUnit {
  readonly #options: Readonly<Record<Quantity, GrowthOptions>>
  unit: Unit
  /** Trace ID of its run; empty where nobody knows. */
  run = ''
  /** When it was read last. */
  seenMs = 0
  /** Since when it could have been read: later than it was where nobody watched; undefined until a restored agent reads anything. */
  watchedMs: number | undefined = Number.NEGATIVE_INFINITY
  /** It has crashed, or was killed, or systemd starts the next by itself. */
  endedItself = false
  /** Of the reading. */
  limit = Number.POSITIVE_INFINITY
  limitKind: LimitKind = 'host'
  swap = 0
  /** Readings in a row that said how much memory is used, but not for what. */
  withoutStat = 0
  tasksLimit = Number.POSITIVE_INFINITY
  /** Of slices above it, where lower than its own: told last, so it is that of the reading before. */
  sliceLimit = Number.POSITIVE_INFINITY
  tasksSliceLimit = Number.POSITIVE_INFINITY
  tasksLimitKind: LimitKind = 'max'
  /** Fewest of the run. */
  #fewestTasks = Number.POSITIVE_INFINITY
  memory: Growth | undefined
  tasks: Growth | undefined

  constructor(unit: Unit, options: Readonly<Record<Quantity, GrowthOptions>>) {
    this.unit = unit
    this.#options = options
  }

  get isOpen(): boolean {
    return this.memory?.isOpen === true || this.tasks?.isOpen === true
  }

  growthOfMemory(): Growth {
    this.memory ??= new Growth(this.#options.memory)
    return this.memory
  }

  /** Undefined while there were never more by what is worth the name, as of most units: these need no memory. */
  growthOfTasks(tasks: number): Growth | undefined {
    if (this.tasks !== undefined) return this.tasks
    this.#fewestTasks = Math.min(this.#fewestTasks, tasks)
    if (tasks - this.#fewestTasks >= this.#options.tasks.least) this.tasks = new Growth(this.#options.tasks)
    return this.tasks
  }

  beginReading(): void {
    this.limit = Number.POSITIVE_INFINITY
    this.limitKind = 'host'
    this.swap = 0
    this.limitTo(this.sliceLimit, 'slice')
    this.sliceLimit = Number.POSITIVE_INFINITY
  }

  limitTo(limit: number, kind: LimitKind): void {
    if (limit >= this.limit) return
    this.limit = limit
    this.limitKind = kind
  }

  /** Of tasks, as they are counted now; Infinity for none. */
  takeTasksLimit(): number {
    const limit = Math.min(this.tasksLimit, this.tasksSliceLimit)
    this.tasksLimitKind = this.tasksSliceLimit < this.tasksLimit ? 'slice' : 'max'
    this.tasksLimit = Number.POSITIVE_INFINITY
    this.tasksSliceLimit = Number.POSITIVE_INFINITY
    return limit
  }

  beginRun(run: string, atMs: number): void {
    if (run === this.run) return
    const former = this.run
    this.run = run
    if (former === '') return
    this.memory?.begin(atMs, former, this.endedItself)
    this.tasks?.begin(atMs, former, this.endedItself)
    this.endedItself = false
    this.#fewestTasks = Number.POSITIVE_INFINITY
  }

  save(context: DetectorContext): SavedUnit {
    const times = savedTimes(context, this.seenMs)
    return {
      key: this.unit.key,
      ...savedUnitName(this.unit),
      run: this.run,
      seenUsec: times.usec(this.seenMs),
      ...(this.memory === undefined ? {} : { memory: this.memory.save(times) }),
      ...(this.tasks === undefined ? {} : { tasks: this.tasks.save(times) }),
    }
  }

  /** @throws where it is not of the form that `save` gives */
  static read(
    saved: SavedUnit,
    options: Readonly<Record<Quantity, GrowthOptions>>,
    context: DetectorContext,
  ): WatchedUnit {
    const { run, seenUsec, memory, tasks } = saved
    const watched = new WatchedUnit(readUnitName(saved.key, saved), options)
    if (run !== '' && !isRun(run)) throw new Error(`${watched.unit.name} has no run`)
    const times = readTimes(context, seenUsec)
    watched.run = run
    watched.seenMs = times.ms(seenUsec)
    watched.watchedMs = undefined
    if (memory !== undefined) watched.growthOfMemory().restore(memory, times)
    if (tasks !== undefined) {
      watched.tasks = new Growth(options.tasks)
      watched.tasks.restore(tasks, times)
    }
    return watched
  }
}
