import type { DetectorContext, OpenFinding, Unit } from '../../lib/patterns/detector.js'
import { isText, readUnitName, type SavedUnitName, savedUnitName } from '../../lib/patterns/saved-unit.js'
import { clearedOf, type Finding, kMostHoldMs, kSeriesHoldMs, type Open } from './finding.js'
import { occasions } from './occasions.js'
import { quantities } from './quantities.js'
import type { UnitBaseline } from './unit-baseline.js'

/** An open finding in the state file. Times are microseconds since 1970: steady time begins anew with the agent. */
export interface SavedOpen extends SavedUnitName {
  readonly kind: string
  readonly sinceUsec: number
  readonly untilUsec: number
  readonly kinds: readonly string[]
}

const knownKinds: ReadonlySet<string> = new Set([...quantities.map(({ kind }) => kind), ...occasions, 'restart_rate'])

/** What has been told of and is not over: one finding for a unit at a time, whatever else is unusual about it. */
export class OpenAnomalies {
  readonly #context: DetectorContext
  readonly #baselines = new Set<UnitBaseline>()
  /** No later than the first end. */
  #dueMs: number | undefined
  /** Read back, and not looked at yet: what may have gone on unseen is given time to be seen. */
  readonly #restored = new Set<UnitBaseline>()

  constructor(context: DetectorContext) {
    this.#context = context
  }

  get size(): number {
    return this.#baselines.size
  }

  *findings(): Generator<OpenFinding> {
    for (const { open } of this.#baselines) {
      const { unit, kinds, sinceMs } = open!
      for (const kind of kinds) yield { unit, kind, sinceMs }
    }
  }

  get dueMs(): number | undefined {
    return this.#restored.size > 0 ? Number.NEGATIVE_INFINITY : this.#dueMs
  }

  elapse(nowMs: number): void {
    for (const { open } of this.#restored) {
      open!.sinceMs = Math.min(open!.sinceMs, nowMs)
      open!.untilMs = Math.min(Math.max(open!.untilMs, nowMs + kSeriesHoldMs), nowMs + kMostHoldMs)
    }
    this.#restored.clear()
    this.#dueMs = undefined
    for (const baseline of this.#baselines) {
      const open = baseline.open!
      if (open.untilMs > nowMs) this.#due(open.untilMs)
      else {
        this.forget(baseline)
        this.#context.tell(clearedOf(open))
      }
    }
  }

  /** It is told of, unless the same is open; true where it is the first of its unit. */
  tell(unit: Unit, baseline: UnitBaseline, { kind, holdMs, detection }: Finding): boolean {
    const { atMs } = detection
    const { open } = baseline
    const body = `${unit.name}: ${detection.body}`
    if (open === undefined) {
      this.#add(baseline, { unit, kind, sinceMs: atMs, untilMs: atMs + holdMs, kinds: new Set([kind]) })
      this.#context.tell({ ...detection, body, phase: 'detected', unit, kind })
      return true
    }
    open.untilMs = Math.max(open.untilMs, atMs + holdMs)
    if (open.kinds.has(kind)) return false
    open.kinds.add(kind)
    this.#context.tell({ ...detection, body, phase: 'updated', unit, kind })
    return false
  }

  /** It was seen once more. */
  goesOn({ open }: UnitBaseline, kind: string, atMs: number): void {
    if (open?.kinds.has(kind)) open.untilMs = Math.max(open.untilMs, atMs + kSeriesHoldMs)
  }

  forget(baseline: UnitBaseline): void {
    this.#baselines.delete(baseline)
    this.#restored.delete(baseline)
    baseline.open = undefined
  }

  save({ unit, kind, sinceMs, untilMs, kinds }: Open): SavedOpen {
    const usec = (atMs: number): number => Number(this.#context.unixNano(atMs) / 1000n)
    return { ...savedUnitName(unit), kind, sinceUsec: usec(sinceMs), untilUsec: usec(untilMs), kinds: [...kinds] }
  }

  /** @throws where it is not of the form that `save` gives */
  read(key: string, saved: SavedOpen): Open {
    const unit = readUnitName(key, saved)
    const { kind, sinceUsec, untilUsec, kinds } = saved
    if (!Number.isSafeInteger(sinceUsec) || !Number.isSafeInteger(untilUsec) || sinceUsec > untilUsec)
      throw new Error(`what is unusual about ${unit.name} has no time`)
    if (!kinds.every((one) => isText(one) && knownKinds.has(one)) || !kinds.includes(kind))
      throw new Error(`what is unusual about ${unit.name} is not known`)
    const ms = (usec: number): number => this.#context.steadyMs(BigInt(usec) * 1000n)
    return { unit, kind, sinceMs: ms(sinceUsec), untilMs: ms(untilUsec), kinds: new Set(kinds) }
  }

  /** Goes on with what `read` gave. */
  restore(baseline: UnitBaseline, open: Open): void {
    this.#add(baseline, open)
    this.#restored.add(baseline)
  }

  #add(baseline: UnitBaseline, open: Open): void {
    baseline.open = open
    this.#baselines.add(baseline)
    this.#due(open.untilMs)
  }

  #due(atMs: number): void {
    this.#dueMs = Math.min(this.#dueMs ?? atMs, atMs)
  }
}
