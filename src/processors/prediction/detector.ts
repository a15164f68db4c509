import type { RawEvent } from '../../data/event.js'
import type { Metric } from '../../data/metric.js'
import type {
  Detector,
  DetectorContext,
  OpenFinding,
  QuietReason,
  Unit,
  UnitSignal,
} from '../../lib/patterns/detector.js'
import { restoreUnits } from '../../lib/patterns/restored-units.js'
import type { SavedState } from '../../lib/patterns/saved-state.js'
import { UnitTable } from '../../lib/patterns/unit-table.js'
import { attr, filesystem } from '../../lib/systemd/names.js'
import type { Pausable } from '../../util/pausable.js'
import type { Config } from './config.js'
import { Disks, ofDisk, type SavedDisk } from './disks.js'
import { cleared, told } from './finding.js'
import { after, type Forecast, isNews, type Outcome, overMs, type Subject } from './forecast.js'
import { readFinding } from './read-finding.js'
import { readForecast, type SavedForecast, savedForecast } from './saved.js'

/** How far the clock may have been set back while no agent ran, for what it has foretold to be believed. */
const kMaxAheadMs = 60_000
/** What was due while nobody watched is spoken of anew, or ended, by who foretold it: as long as `memory_leak` waits for a unit. */
const kGraceMs = 1_800_000
/**
 * The word of what came in time may come after it: systemd says why a unit has failed when all of it has ended, and a starved agent
 * reads that seconds later.
 */
const kLateMs = 60_000
/** Of these it is not known when something happened. */
const timeless: ReadonlySet<QuietReason | undefined> = new Set(['gap', 'suspend_or_clock_step'])

/** What will happen, of all units: from what other patterns have found, and from the disk of the state directory. */
export class PredictionDetector implements Detector {
  readonly #context: DetectorContext
  readonly #config: Config
  readonly #open: UnitTable<Forecast>
  readonly #disks: Disks
  /** Of an earlier agent, until the first record tells what time it is. */
  readonly #restored = new Set<Forecast>()
  /** Of those, what was due while nobody watched, and when it is over. */
  readonly #unseen = new Map<Forecast, number>()
  /** What was foretold while word of the one before might still come: it stands when that has not come. */
  readonly #next = new Map<Forecast, Forecast>()
  #dueMs: number | undefined

  constructor(config: Config, context: DetectorContext) {
    this.#context = context
    this.#config = config
    this.#open = new UnitTable(config.max_units, (forecast) => {
      this.#forget(forecast)
      context.evicted()
    })
    this.#disks = new Disks(context)
  }

  get open(): number {
    return this.#open.size
  }

  *openFindings(): Generator<OpenFinding> {
    for (const { unit, subject, likelyMs } of this.#open.values())
      yield { unit, kind: subject, expectedMs: Number(this.#context.unixNano(likelyMs)) / 1e6 }
  }

  get dueMs(): number | undefined {
    return this.#restored.size > 0 ? Number.NEGATIVE_INFINITY : this.#dueMs
  }

  finding(event: RawEvent, unit: Unit, atMs: number): void {
    const foretold = readFinding(event, unit, atMs, this.#context)
    if (foretold === undefined) return
    if ('ended' in foretold) this.#withdraw(unit, foretold.ended, atMs)
    else if ('reached' in foretold) this.#close(unit, foretold.reached, undefined, atMs)
    else this.#offer(foretold)
  }

  signal({ kind, unit, atMs, auto, quiet, event }: UnitSignal): void {
    // A run that is killed ends with `failed`, too.
    const forMemory = event.attributes[attr.result] === 'oom-kill'
    if (kind === 'failed' && quiet === undefined) this.#failed(unit, atMs, forMemory)
    else if (kind === 'failed') {
      // Whatever goes on beside it: there was no memory left.
      if (forMemory && !timeless.has(quiet)) this.#close(unit, 'memory', undefined, atMs)
      this.#end(unit, 'restarted', atMs)
    } else if (kind === 'stopped') this.#end(unit, 'stopped', atMs)
    else if (kind === 'restarting' && !auto) this.#end(unit, 'restarted', atMs)
  }

  sample(unit: Unit, metric: Metric, atMs: number): void {
    if (metric.type === 'histogram' || metric.type === 'encoded') return
    const growing = this.#disks.read(unit, metric.points, atMs)
    if (growing?.phase === 'cleared') this.#withdraw(unit, 'disk', atMs)
    else if (growing !== undefined && Number.isFinite(growing.toLimit.latestMs)) this.#offer(ofDisk(unit, growing))
  }

  elapse(nowMs: number): void {
    for (const forecast of this.#restored) this.#watchAgain(forecast, nowMs)
    this.#restored.clear()
    this.#schedule()
    for (const forecast of [...this.#open.values()]) {
      const endMs = this.#endMs(forecast)
      if (endMs > nowMs) continue
      const next = this.#next.get(forecast)
      this.#close(forecast.unit, forecast.subject, 'not_met', endMs)
      if (next !== undefined) this.#offer(next)
    }
  }

  save(): SavedState {
    return { disks: this.#disks.save(), units: this.#savedForecasts() }
  }

  *#savedForecasts(): Generator<SavedForecast> {
    for (const [, forecast] of this.#open.snapshot()) yield savedForecast(forecast, this.#context)
  }

  /** All of it or nothing. */
  *restore(saved: unknown): Pausable<void> {
    const { disks } = saved as { readonly disks: readonly SavedDisk[] }
    const restored = this.#disks.readSaved(disks)
    yield* restoreUnits<SavedForecast, Forecast>(saved, {
      read: (one) => readForecast(one, this.#context),
      keyOf: ({ unit, subject }) => keyOf(unit, subject),
      take: (forecast) => {
        this.#open.set(keyOf(forecast.unit, forecast.subject), forecast)
        this.#restored.add(forecast)
      },
      max: this.#config.max_units,
    })
    this.#disks.restore(restored)
  }

  /** That something did not come proves nothing where nobody watched. */
  #watchAgain(forecast: Forecast, nowMs: number): void {
    // It comes from a time that has not been yet: it would never end.
    if (forecast.atMs > nowMs + kMaxAheadMs) this.#open.delete(keyOf(forecast.unit, forecast.subject))
    else if (overMs(forecast) <= nowMs) this.#unseen.set(forecast, nowMs + kGraceMs)
  }

  #offer(forecast: Forecast): void {
    const { unit, subject, atMs, likelyMs, periodMs } = forecast
    let open = this.#open.peek(keyOf(unit, subject))
    if (open !== undefined && this.#awaitsWord(open, atMs)) {
      this.#next.set(open, forecast)
      return
    }
    if (open !== undefined && this.#hasMissed(open, atMs)) {
      this.#close(unit, subject, 'not_met', atMs)
      open = undefined
    }
    if (open === undefined) {
      const horizonMs = likelyMs - atMs
      const isFar = horizonMs > this.#config.max_horizon
      if (isFar || (periodMs > 0 && periodMs < this.#config.min_horizon)) return
      this.#tell(forecast)
    } else if (isNews(open, forecast)) this.#tell(forecast)
  }

  #tell(forecast: Forecast): void {
    const key = keyOf(forecast.unit, forecast.subject)
    const before = this.#open.peek(key)
    if (before !== undefined) this.#forget(before)
    this.#open.set(key, forecast)
    this.#context.tell(told(before === undefined ? 'detected' : 'updated', forecast, this.#context))
    this.#schedule()
  }

  /** A unit has failed: what was foretold of it has come, and what comes again is due next time. */
  #failed(unit: Unit, atMs: number, forMemory: boolean): void {
    this.#close(unit, 'memory', forMemory ? undefined : 'restarted', atMs)
    // Nothing says that there were no tasks left but that the unit fails when there should be none.
    this.#close(unit, 'tasks', undefined, atMs)
    const failure = this.#open.peek(keyOf(unit, 'failure'))
    if (failure === undefined) return
    if (this.#hasMissed(failure, atMs)) this.#close(unit, 'failure', 'not_met', atMs)
    // A failure between the times is another one; the pattern itself says when it no longer fits.
    else if (atMs >= failure.earliestMs) this.#tell(after(failure, atMs))
  }

  #withdraw(unit: Unit, subject: Subject, atMs: number): void {
    const open = this.#open.peek(keyOf(unit, subject))
    if (open === undefined) return
    if (this.#awaitsWord(open, atMs)) this.#next.delete(open)
    else this.#close(unit, subject, 'withdrawn', atMs)
  }

  #end(unit: Unit, outcome: Outcome, atMs: number): void {
    for (const subject of ['memory', 'tasks'] as const) this.#close(unit, subject, outcome, atMs)
  }

  #close(unit: Unit, subject: Subject, outcome: Outcome | undefined, atMs: number): void {
    const key = keyOf(unit, subject)
    const open = this.#open.peek(key)
    if (open === undefined) return
    this.#open.delete(key)
    const wasUnseen = this.#unseen.has(open)
    const hasMissed = this.#hasMissed(open, atMs)
    this.#forget(open)
    // What came is known by its own time, whoever watched: the journal tells of it to an agent that was away.
    const came = atMs < open.earliestMs ? 'early' : atMs <= overMs(open) ? 'met' : 'not_met'
    const how = hasMissed ? 'not_met' : (outcome ?? came)
    const isUnseen = wasUnseen && how === 'not_met'
    this.#context.tell(cleared(open, isUnseen ? 'unseen' : how, hasMissed ? overMs(open) : atMs, this.#context))
    this.#schedule()
  }

  /** Its time had gone by, whatever has happened since; where nobody watched, nobody knows. */
  #hasMissed(forecast: Forecast, atMs: number): boolean {
    return !this.#unseen.has(forecast) && atMs > overMs(forecast)
  }

  /** Its time has gone by, and word of it may still come. */
  #awaitsWord(forecast: Forecast, atMs: number): boolean {
    return this.#hasMissed(forecast, atMs) && atMs < this.#endMs(forecast)
  }

  #schedule(): void {
    let dueMs = Number.POSITIVE_INFINITY
    for (const open of this.#open.values()) dueMs = Math.min(dueMs, this.#endMs(open))
    this.#dueMs = dueMs === Number.POSITIVE_INFINITY ? undefined : dueMs
  }

  /** When it is waited for no longer. */
  #endMs(forecast: Forecast): number {
    return this.#unseen.get(forecast) ?? overMs(forecast) + kLateMs
  }

  #forget(forecast: Forecast): void {
    this.#restored.delete(forecast)
    this.#unseen.delete(forecast)
    this.#next.delete(forecast)
  }
}

function keyOf(unit: Unit, subject: Subject): string {
  return `${unit.key} ${subject}`
}

export const wantedMetrics = [filesystem.usage] as const
