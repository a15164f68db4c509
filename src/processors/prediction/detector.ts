import type { RawEvent } from '../../data/event.js'
import type { Metric } from '../../data/metric.js'
import type { Growing } from '../../lib/growth/growing.js'
import { Growth } from '../../lib/growth/growth.js'
import type { Detector, DetectorContext, OpenFinding, Unit, UnitSignal } from '../../lib/patterns/detector.js'
import { UnitTable } from '../../lib/patterns/unit-table.js'
import { attr, filesystem } from '../../lib/systemd/names.js'
import type { Config } from './config.js'
import { cleared, told } from './finding.js'
import type { Forecast, Outcome, Subject } from './forecast.js'
import { readFinding } from './read-finding.js'

/** Times at which nothing came, in a row, before failures are no longer expected: as periodic_crash has it. */
const kMaxMissed = 3
/** Disks fill for other reasons than leaks: what counts is that it goes on, and that the disk will be full. */
const diskGrowth = {
  windowMs: 60_000,
  warmUpMs: 0,
  minDurationMs: 1_800_000,
  longMs: 86_400_000,
  leastShare: 0.02,
  least: 16 * 2 ** 20,
  falseAlarmsPerWeek: 0.01,
}

/** What will happen, of all units: from what other patterns have found, and from the disk of the state directory. */
export class PredictionDetector implements Detector {
  readonly #context: DetectorContext
  readonly #config: Config
  readonly #open: UnitTable<Forecast>
  /** Of each machine that is told of: one, but in a recording of several. */
  readonly #disks: UnitTable<Growth>
  #dueMs: number | undefined

  constructor(config: Config, context: DetectorContext) {
    this.#context = context
    this.#config = config
    this.#open = new UnitTable(config.max_units, () => context.evicted())
    this.#disks = new UnitTable(16, () => context.evicted())
  }

  get open(): number {
    return this.#open.size
  }

  *openFindings(): Generator<OpenFinding> {
    for (const { unit, subject, likelyMs } of this.#open.values())
      yield { unit, kind: subject, expectedMs: Number(this.#context.unixNano(likelyMs)) / 1e6 }
  }

  get dueMs(): number | undefined {
    return this.#dueMs
  }

  finding(event: RawEvent, unit: Unit, atMs: number): void {
    const foretold = readFinding(event, unit, atMs, this.#context)
    if (foretold === undefined) return
    if ('ended' in foretold) this.#close(unit, foretold.ended, 'withdrawn', atMs)
    else this.#offer(foretold)
  }

  signal({ kind, unit, atMs, auto, quiet, event }: UnitSignal): void {
    // A run that is killed ends with `failed`, too.
    if (kind === 'failed' && quiet === undefined) this.#failed(unit, atMs, event.attributes[attr.result] === 'oom-kill')
    else if (kind === 'failed') this.#end(unit, 'restarted', atMs)
    else if (kind === 'stopped') this.#end(unit, 'stopped', atMs)
    else if (kind === 'restarting' && !auto) this.#end(unit, 'restarted', atMs)
  }

  sample(unit: Unit, metric: Metric, atMs: number): void {
    if (metric.type === 'histogram') return
    let [used, free] = [Number.NaN, Number.NaN]
    for (const { attributes, value } of metric.points) {
      if (attributes[filesystem.state] === 'used') used = Number(value)
      else if (attributes[filesystem.state] === 'free') free = Number(value)
    }
    if (Number.isNaN(used + free)) return
    let disk = this.#disks.get(unit.key)
    if (disk === undefined) {
      disk = new Growth(diskGrowth)
      this.#disks.set(unit.key, disk)
    }
    const growing = disk.add(atMs, used, used + free)
    if (growing?.phase === 'cleared') this.#close(unit, 'disk', 'withdrawn', atMs)
    else if (growing !== undefined && Number.isFinite(growing.toLimit.latestMs)) this.#offer(ofDisk(unit, growing))
  }

  elapse(nowMs: number): void {
    for (const forecast of [...this.#open.values()]) {
      const dueMs = overMs(forecast)
      if (dueMs <= nowMs) this.#close(forecast.unit, forecast.subject, 'not_met', dueMs)
    }
  }

  #offer(forecast: Forecast): void {
    const { unit, subject, atMs, likelyMs, periodMs } = forecast
    const open = this.#open.peek(keyOf(unit, subject))
    if (open === undefined) {
      const horizonMs = likelyMs - atMs
      const isFar = horizonMs > this.#config.max_horizon
      if (isFar || (periodMs > 0 && periodMs < this.#config.min_horizon)) return
      this.#tell(forecast)
    } else if (isNews(open, forecast)) this.#tell(forecast)
  }

  #tell(forecast: Forecast): void {
    const key = keyOf(forecast.unit, forecast.subject)
    const isNew = this.#open.peek(key) === undefined
    this.#open.set(key, forecast)
    this.#context.tell(told(isNew ? 'detected' : 'updated', forecast, this.#context))
    this.#schedule()
  }

  /** A unit has failed: what was foretold of it has come, and what comes again is due next time. */
  #failed(unit: Unit, atMs: number, forMemory: boolean): void {
    this.#close(unit, 'memory', forMemory ? undefined : 'restarted', atMs)
    // Nothing says that there were no tasks left but that the unit fails when there should be none.
    this.#close(unit, 'tasks', undefined, atMs)
    const failure = this.#open.peek(keyOf(unit, 'failure'))
    // A failure between the times is another one; the pattern itself says when it no longer fits.
    if (failure !== undefined && atMs >= failure.earliestMs) this.#tell(after(failure, atMs))
  }

  #end(unit: Unit, outcome: Outcome, atMs: number): void {
    for (const subject of ['memory', 'tasks'] as const) this.#close(unit, subject, outcome, atMs)
  }

  #close(unit: Unit, subject: Subject, outcome: Outcome | undefined, atMs: number): void {
    const key = keyOf(unit, subject)
    const open = this.#open.peek(key)
    if (open === undefined) return
    this.#open.delete(key)
    const how = outcome ?? (atMs < open.earliestMs ? 'early' : 'met')
    this.#context.tell(cleared(open, how, atMs, this.#context))
    this.#schedule()
  }

  #schedule(): void {
    let dueMs = Number.POSITIVE_INFINITY
    for (const open of this.#open.values()) dueMs = Math.min(dueMs, overMs(open))
    this.#dueMs = dueMs === Number.POSITIVE_INFINITY ? undefined : dueMs
  }
}

/** When it has not come for certain. */
function overMs({ latestMs, periodMs }: Forecast): number {
  return latestMs + (kMaxMissed - 1) * periodMs
}

function keyOf(unit: Unit, subject: Subject): string {
  return `${unit.key} ${subject}`
}

/** Half of the time is gone, or it will be at another time than was said. */
function isNews(before: Forecast, now: Forecast): boolean {
  return (
    now.likelyMs - now.atMs <= (before.likelyMs - before.atMs) / 2 ||
    now.likelyMs < before.earliestMs ||
    now.likelyMs > before.latestMs
  )
}

/**
 * The next time, counted from when it happened; by the clock, where some may have been left out, from half way between that and when
 * it was due: what is off by chance comes back, and what has moved is followed.
 */
function after(forecast: Forecast, atMs: number): Forecast {
  const { periodMs, likelyMs, earliestMs, latestMs, byClock } = forecast
  const dueMs = likelyMs + Math.max(0, Math.round((atMs - likelyMs) / periodMs)) * periodMs
  const next = (byClock ? (dueMs + atMs) / 2 : atMs) + periodMs
  return {
    ...forecast,
    atMs,
    likelyMs: next,
    earliestMs: next - (likelyMs - earliestMs),
    latestMs: next + (latestMs - likelyMs),
  }
}

function ofDisk(unit: Unit, { atMs, toLimit, confidence, limit, current, slope }: Growing): Forecast {
  return {
    unit,
    subject: 'disk',
    basis: 'growth',
    atMs,
    likelyMs: atMs + toLimit.likelyMs,
    earliestMs: atMs + toLimit.earliestMs,
    latestMs: atMs + toLimit.latestMs,
    confidence,
    run: '',
    more: { limit, current: Math.round(current), slope: Number((slope * 1000).toPrecision(6)) },
    periodMs: 0,
    byClock: false,
  }
}

export const wantedMetrics = [filesystem.usage] as const
