import type { Detector, DetectorContext, OpenFinding, UnitSignal } from '../../lib/patterns/detector.js'
import { restoreUnits } from '../../lib/patterns/restored-units.js'
import type { SavedState } from '../../lib/patterns/saved-state.js'
import { UnitTable } from '../../lib/patterns/unit-table.js'
import { findPeriod, kMaxPeriodTimes, type Period } from '../../lib/statistics/periodicity.js'
import type { Pausable } from '../../util/pausable.js'
import { clearedFinding, openFinding } from './findings.js'
import { OpenPeriod } from './open-period.js'
import { readUnit, type SavedUnit, savedUnit } from './saved.js'
import { UnitFailures } from './unit-failures.js'

export interface PeriodicCrashLimits {
  /** Per failure. */
  readonly falseAlarmRate: number
  /** Share of the period. */
  readonly maxJitter: number
  readonly minFailures: number
  readonly maxUnits: number
}

/** Failures of units, and the rhythms that are open: bounded in units, 64 times each. */
export class PeriodicCrashDetector implements Detector {
  readonly #limits: PeriodicCrashLimits
  readonly #context: DetectorContext
  readonly #units: UnitTable<UnitFailures>
  readonly #open = new Set<UnitFailures>()
  readonly #scratch = new Float64Array(kMaxPeriodTimes)
  dueMs: number | undefined

  constructor(limits: PeriodicCrashLimits, context: DetectorContext) {
    this.#limits = limits
    this.#context = context
    this.#units = new UnitTable(
      limits.maxUnits,
      (forgotten) => {
        this.#open.delete(forgotten)
        this.#context.evicted()
      },
      ({ open }) => open !== undefined,
    )
  }

  get open(): number {
    return this.#open.size
  }

  *openFindings(): Generator<OpenFinding> {
    for (const { unit, open } of this.#open) yield { unit, kind: open!.rhythm.kind, sinceMs: open!.firstMs }
  }

  signal(signal: UnitSignal): void {
    const { unit, kind } = signal
    let known = this.#units.peek(unit.key)
    if (known === undefined) {
      // A unit that never fails needs no memory.
      if (kind !== 'failed' && kind !== 'restarting') return
      known = new UnitFailures(unit)
      this.#units.set(unit.key, known)
    }
    if (!known.take(signal)) return
    this.#units.get(unit.key)
    if (known.open === undefined) this.#look(known, signal)
    else this.#follow(known, known.open, signal)
  }

  elapse(nowMs: number): void {
    for (const known of this.#open) {
      const open = known.open!
      open.isNow(nowMs)
      if (open.dueMs > nowMs) continue
      // What could not be seen did not fail to come.
      while (open.dueMs <= nowMs && (open.isRestored || this.#context.quiet(known.unit, open.dueMs) !== undefined))
        open.skip()
      open.isRestored = false
      if (open.dueMs <= nowMs) this.#clear(known, open, 'quiet', open.dueMs)
    }
    this.#schedule()
  }

  #look(known: UnitFailures, signal: UnitSignal): void {
    const times = known.times.copyInto(this.#scratch)
    const period = this.#regular(times)
    if (period === undefined) return
    known.open = OpenPeriod.begin(times, period)
    this.#open.add(known)
    this.#context.tell(openFinding('detected', known, known.open, signal, this.#context))
    this.#expect(known.open)
  }

  #follow(known: UnitFailures, open: OpenPeriod, signal: UnitSignal): void {
    if (!open.take(signal.atMs)) {
      this.#clear(known, open, 'irregular', signal.atMs, signal)
      return
    }
    const times = known.times.copyInto(this.#scratch)
    const period = this.#regular(times)
    if (period !== undefined) open.refine(times, period)
    if (open.isNews) {
      open.told()
      this.#context.tell(openFinding('updated', known, open, signal, this.#context))
    }
    this.#expect(open)
  }

  /** The period of the failures, if they are as regular as is asked for. */
  #regular(times: Float64Array): Period | undefined {
    const { minFailures, falseAlarmRate, maxJitter } = this.#limits
    if (times.length < minFailures) return undefined
    const found = findPeriod(times)
    if (found === undefined || found.pValue > falseAlarmRate || found.events < minFailures) return undefined
    return found.jitter <= maxJitter * found.period && 2 * found.fitting >= found.intervals ? found : undefined
  }

  #clear(known: UnitFailures, open: OpenPeriod, why: 'quiet' | 'irregular', atMs: number, signal?: UnitSignal): void {
    this.#context.tell(clearedFinding(known, open, why, atMs, signal, this.#context))
    known.open = undefined
    this.#open.delete(known)
    // The old rhythm would be found again among the times it has left.
    known.times.clear()
    if (signal !== undefined) known.times.push(signal.atMs)
  }

  /** Nothing is due before that; when it has come, all are looked at again, and not at each failure of one. */
  #expect({ dueMs }: OpenPeriod): void {
    if (this.dueMs === undefined || dueMs < this.dueMs) this.dueMs = dueMs
  }

  #schedule(): void {
    let dueMs: number | undefined
    for (const { open } of this.#open) if (dueMs === undefined || open!.dueMs < dueMs) dueMs = open!.dueMs
    this.dueMs = dueMs
  }

  save(): SavedState {
    return { units: this.#savedUnits() }
  }

  *#savedUnits(): Generator<SavedUnit> {
    for (const [, known] of this.#units.snapshot()) yield savedUnit(known, this.#context)
  }

  restore(saved: unknown): Pausable<void> {
    return restoreUnits<SavedUnit, UnitFailures>(saved, {
      read: (one) => readUnit(one, this.#context),
      keyOf: ({ unit }) => unit.key,
      take: (failures) => {
        this.#units.set(failures.unit.key, failures)
        if (failures.open === undefined) return
        this.#open.add(failures)
        // From the first record on: when that is, is not known yet.
        this.dueMs = Number.NEGATIVE_INFINITY
      },
      max: this.#limits.maxUnits,
    })
  }
}
