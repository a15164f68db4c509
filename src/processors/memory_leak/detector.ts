import { totalmem } from 'node:os'
import type { Metric, NumberPoint } from '../../data/metric.js'
import type { Growing, GrowthOptions } from '../../lib/growth/growing.js'
import { compilePatterns, type NameTest } from '../../lib/matching/pattern.js'
import type { Detector, DetectorContext, OpenFinding, Unit, UnitSignal } from '../../lib/patterns/detector.js'
import { restoreUnits } from '../../lib/patterns/restored-units.js'
import type { SavedState } from '../../lib/patterns/saved-state.js'
import { UnitTable } from '../../lib/patterns/unit-table.js'
import { heldBytes } from '../../lib/systemd/held-memory.js'
import { attr, metric as names } from '../../lib/systemd/names.js'
import type { Pausable } from '../../util/pausable.js'
import type { Config } from './config.js'
import { detectionOf, type LimitKind, type Quantity } from './finding.js'
import { type SavedUnit, WatchedUnit } from './watched-unit.js'

export const wantedMetrics = [
  names.memoryUsage,
  names.memoryLimit,
  names.memoryHigh,
  names.memorySliceLimit,
  names.memorySwap,
  names.memoryStat,
  names.pids,
  names.pidsLimit,
  names.pidsSliceLimit,
] as const

/** Units that are gone for so long, such as containers and transient units, are forgotten. */
const kForgetMs = 86_400_000
/** A unit whose growth is open is gone when it was not read for so long, and for so many windows. */
const kGoneMs = 1_800_000
const kGoneWindows = 4
/** Two could be of a unit that has just begun or ended. */
const kReadingsWithoutStat = 3
const needsStat =
  'memory_leak needs to know what memory is used for, or a full page cache would look like a leak: set `metrics: {memory_stat: true}` of the cgroup receiver'

/** Leaks of memory and of tasks, of all units. */
export class MemoryLeakDetector implements Detector {
  readonly #context: DetectorContext
  readonly #options: Readonly<Record<Quantity, GrowthOptions>>
  readonly #hostMemory: number
  readonly #maxUnits: number
  readonly #include: NameTest | undefined
  readonly #exclude: NameTest | undefined
  readonly #units: UnitTable<WatchedUnit>
  readonly #passedOver = new WeakSet<Unit>()
  /** Metrics of one unit come together. */
  #last: { readonly unit: Unit; readonly watched: WatchedUnit } | undefined
  #hasStat: boolean | undefined
  readonly #goneMs: number
  /** No unit whose growth is open is gone before. */
  dueMs: number | undefined

  constructor(config: Config, context: DetectorContext) {
    this.#context = context
    this.#goneMs = Math.max(kGoneMs, kGoneWindows * config.window)
    const common = {
      windowMs: config.window,
      warmUpMs: config.warm_up,
      minDurationMs: config.min_duration,
      longMs: config.long,
      leastShare: 0.1,
      falseAlarmsPerWeek: config.false_alarms_per_week,
    }
    this.#options = {
      memory: { ...common, least: config.min_growth },
      tasks: { ...common, least: config.min_task_growth },
    }
    this.#maxUnits = config.max_units
    this.#hostMemory = config.host_memory ?? totalmem()
    this.#include = compilePatterns(config.include)
    this.#exclude = compilePatterns(config.exclude)
    this.#units = new UnitTable(
      config.max_units,
      () => {
        this.#last = undefined
        context.evicted()
      },
      (watched) => watched.isOpen,
    )
  }

  get open(): number {
    let count = 0
    for (const { memory, tasks } of this.#units.values())
      count += Number(memory?.isOpen === true) + Number(tasks?.isOpen === true)
    return count
  }

  *openFindings(): Generator<OpenFinding> {
    for (const { unit, memory, tasks } of this.#units.values()) {
      if (memory?.isOpen === true) yield { unit, kind: 'memory' }
      if (tasks?.isOpen === true) yield { unit, kind: 'tasks' }
    }
  }

  signal({ kind, unit, atMs, auto, event, invocationId }: UnitSignal): void {
    const watched = this.#units.peek(unit.key)
    if (watched === undefined) return
    if ((kind === 'failed' || (kind === 'restarting' && auto)) && invocationId === watched.run)
      watched.endedItself = true
    const isDown =
      kind === 'stopped' ||
      kind === 'gave_up' ||
      (kind === 'failed' && event.attributes[attr.verdict] !== 'will_restart')
    if (!isDown) return
    this.#tell(unit, watched, 'memory', watched.memory?.stop(atMs), watched.limitKind)
    this.#tell(unit, watched, 'tasks', watched.tasks?.stop(atMs), watched.tasksLimitKind)
  }

  sample(unit: Unit, metric: Metric, atMs: number): void {
    const watched = this.#watched(unit, atMs)
    if (watched === undefined || metric.type === 'histogram' || metric.type === 'encoded') return
    const point = metric.points[0]!
    const value = Number(point.value)
    switch (metric.name) {
      case names.memoryUsage:
        watched.beginReading()
        watched.beginRun(point.exemplars?.[0]?.traceId ?? watched.run, atMs)
        this.#expectStat(watched)
        break
      case names.memoryLimit:
        watched.limitTo(value, 'max')
        break
      case names.memoryHigh:
        watched.limitTo(value, 'high')
        break
      case names.memorySliceLimit:
        watched.sliceLimit = value
        break
      case names.memorySwap:
        watched.swap = value
        break
      case names.memoryStat:
        this.#readMemory(unit, watched, metric.points, atMs)
        break
      case names.pids:
        this.#readTasks(unit, watched, value, atMs)
        break
      case names.pidsLimit:
        watched.tasksLimit = value
        break
      case names.pidsSliceLimit:
        watched.tasksSliceLimit = value
    }
  }

  save(): SavedState {
    return { units: this.#savedUnits() }
  }

  *#savedUnits(): Generator<SavedUnit> {
    for (const [, watched] of this.#units.snapshot()) yield watched.save(this.#context)
  }

  restore(saved: unknown): Pausable<void> {
    return restoreUnits<SavedUnit, WatchedUnit>(saved, {
      read: (unit) => WatchedUnit.read(unit, this.#options, this.#context),
      keyOf: ({ unit }) => unit.key,
      take: (watched) => {
        this.#units.set(watched.unit.key, watched)
        // From the first record on: when that is, is not known yet.
        if (watched.isOpen) this.dueMs = Number.NEGATIVE_INFINITY
      },
      max: this.#maxUnits,
    })
  }

  elapse(nowMs: number): void {
    let nextMs: number | undefined
    for (const watched of this.#units.values()) {
      if (!watched.isOpen) continue
      const goneMs = this.#goneAtMs(watched, nowMs)
      if (goneMs <= nowMs) {
        this.#tell(watched.unit, watched, 'memory', watched.memory?.lose(goneMs), watched.limitKind)
        this.#tell(watched.unit, watched, 'tasks', watched.tasks?.lose(goneMs), watched.tasksLimitKind)
      } else if (nextMs === undefined || goneMs < nextMs) nextMs = goneMs
    }
    this.dueMs = nextMs
  }

  /** When it counts as gone, as long as it is not read again. */
  #goneAtMs(watched: WatchedUnit, nowMs: number): number {
    if (watched.watchedMs === undefined) {
      watched.watchedMs = nowMs
      // Kept by an agent whose clock was ahead: it would never be gone.
      watched.seenMs = Math.min(watched.seenMs, nowMs)
    }
    const goneMs = Math.max(watched.seenMs, watched.watchedMs) + this.#goneMs
    if (goneMs > nowMs || this.#context.quiet(watched.unit, goneMs) === undefined) return goneMs
    // What could not be seen did not fail to come.
    watched.watchedMs = nowMs
    return nowMs + this.#goneMs
  }

  #watched(unit: Unit, atMs: number): WatchedUnit | undefined {
    if (this.#last?.unit === unit) {
      this.#last.watched.seenMs = atMs
      return this.#last.watched
    }
    if (this.#passedOver.has(unit)) return undefined
    if (!(this.#include?.(unit.name) ?? true) || this.#exclude?.(unit.name)) {
      this.#passedOver.add(unit)
      return undefined
    }
    let watched = this.#units.get(unit.key)
    if (watched === undefined) {
      this.#forgetBefore(atMs - kForgetMs)
      watched = new WatchedUnit(unit, this.#options)
      this.#units.set(unit.key, watched)
    }
    watched.unit = unit
    watched.seenMs = atMs
    this.#last = { unit, watched }
    return watched
  }

  #forgetBefore(ms: number): void {
    for (const [key, { seenMs, isOpen }] of this.#units.entries()) {
      if (seenMs >= ms) return
      if (!isOpen) this.#units.delete(key)
    }
  }

  #readMemory(unit: Unit, watched: WatchedUnit, points: readonly NumberPoint[], atMs: number): void {
    const held = watched.swap + heldBytes(points)
    watched.withoutStat = 0
    if (this.#hasStat !== true) {
      this.#hasStat = true
      this.#context.lacks(undefined)
    }
    watched.limitTo(this.#hostMemory, 'host')
    const growth = watched.growthOfMemory()
    if (this.#isQuiet(unit, growth, atMs)) return
    this.#tell(unit, watched, 'memory', growth.add(atMs, held, watched.limit), watched.limitKind)
  }

  #readTasks(unit: Unit, watched: WatchedUnit, tasks: number, atMs: number): void {
    const growth = watched.growthOfTasks(tasks)
    // Limits are told behind the number: those of the reading before, where there was one.
    const limit = watched.takeTasksLimit()
    if (growth === undefined || this.#isQuiet(unit, growth, atMs)) return
    this.#tell(unit, watched, 'tasks', growth.add(atMs, tasks, limit), watched.tasksLimitKind)
  }

  #isQuiet(unit: Unit, growth: { warmUp(atMs: number): void }, atMs: number): boolean {
    const reason = this.#context.quiet(unit, atMs)
    // A new version, or a machine that starts, begins anew; otherwise only the readings are worth nothing.
    if (reason === 'deployment' || reason === 'system_start') growth.warmUp(atMs)
    return reason !== undefined
  }

  #expectStat(watched: WatchedUnit): void {
    if (this.#hasStat !== undefined || ++watched.withoutStat < kReadingsWithoutStat) return
    this.#hasStat = false
    this.#context.lacks(needsStat)
  }

  #tell(
    unit: Unit,
    { run }: WatchedUnit,
    quantity: Quantity,
    growing: Growing | undefined,
    limitKind: LimitKind,
  ): void {
    if (growing === undefined) return
    if (growing.phase !== 'cleared') this.dueMs ??= growing.atMs + this.#goneMs
    this.#context.tell(detectionOf({ unit, quantity, growing, limitKind, run }, this.#context))
  }
}
