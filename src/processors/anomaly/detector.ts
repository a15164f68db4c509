import type { Metric } from '../../data/metric.js'
import { compilePatterns, type NameTest } from '../../lib/matching/pattern.js'
import type { Detector, DetectorContext, OpenFinding, Unit, UnitSignal } from '../../lib/patterns/detector.js'
import { LocalTime } from '../../lib/patterns/local-time.js'
import { restoreUnits } from '../../lib/patterns/restored-units.js'
import type { SavedState } from '../../lib/patterns/saved-state.js'
import { isText } from '../../lib/patterns/saved-unit.js'
import { UnitTable } from '../../lib/patterns/unit-table.js'
import { attr } from '../../lib/systemd/names.js'
import { stopUsec } from '../../lib/systemd/unit-times.js'
import type { Pausable } from '../../util/pausable.js'
import { AlarmBar } from './alarm-bar.js'
import { type Budget, budgetOf } from './budget.js'
import type { Config } from './config.js'
import type { Open } from './finding.js'
import { type Finding, findingOfOccasion, findingOfRate } from './finding.js'
import type { Occasion } from './occasions.js'
import { OpenAnomalies, type SavedOpen } from './open-anomalies.js'
import { kMemory, quantities, read, reading } from './quantities.js'
import { SeriesWatch } from './series-watch.js'
import { kIntervalMs, type SavedSuspicion, Suspicion } from './suspicion.js'
import { UnitBaseline } from './unit-baseline.js'

/** After a start or an end of a run, so many intervals are learned, but say nothing. */
const kSettleIntervals = 2
/** Seconds: of durations a shorter difference bothers nobody. */
const kLeastSeconds = 1

/** In the state file. */
type SavedUnit = readonly [key: string, learned: string, more?: SavedMore]

interface SavedMore {
  readonly open?: SavedOpen
  /** By kind of the series. */
  readonly suspicions?: Readonly<Record<string, SavedSuspicion>>
}

interface RestoredUnit {
  readonly key: string
  readonly baseline: UnitBaseline
  readonly open: Open | undefined
}

/** Finds what is not normal for a unit, by what was. */
export class AnomalyDetector implements Detector {
  readonly #context: DetectorContext
  readonly #watch: SeriesWatch
  readonly #budget: Budget
  readonly #include: NameTest | undefined
  readonly #exclude: NameTest | undefined
  readonly #units: UnitTable<UnitBaseline>
  readonly #maxUnits: number
  readonly #passedOver = new WeakSet<Unit>()
  readonly #open: OpenAnomalies
  readonly #bar: AlarmBar
  readonly #localTime = new LocalTime()
  /** Metrics of one unit come together. */
  #last: { readonly unit: Unit; readonly baseline: UnitBaseline } | undefined

  constructor(config: Config, context: DetectorContext) {
    this.#context = context
    this.#budget = budgetOf(config.false_alarms_per_week)
    this.#watch = new SeriesWatch(config.baseline_period / kIntervalMs, this.#budget.seriesPerWeek)
    this.#include = compilePatterns(config.include)
    this.#exclude = compilePatterns(config.exclude)
    this.#bar = new AlarmBar(config.max_alarms_per_week)
    this.#open = new OpenAnomalies(context)
    this.#maxUnits = config.max_units
    this.#units = new UnitTable(
      config.max_units,
      (baseline) => {
        this.#last = undefined
        this.#open.forget(baseline)
        context.evicted()
      },
      ({ open }) => open !== undefined,
    )
  }

  get open(): number {
    return this.#open.size
  }

  openFindings(): Iterable<OpenFinding> {
    return this.#open.findings()
  }

  get dueMs(): number | undefined {
    return this.#open.dueMs
  }

  elapse(nowMs: number): void {
    this.#open.elapse(nowMs)
  }

  sample(unit: Unit, metric: Metric, atMs: number): void {
    const baseline = this.#baseline(unit)
    if (baseline === undefined) return
    read(metric)
    if (reading.quantity < 0) return
    const { quantity, value, isHeldMemory } = reading
    const interval = Math.floor(atMs / kIntervalMs)
    if (interval > baseline.interval) {
      if (baseline.interval >= 0) this.#closeInterval(unit, baseline)
      baseline.means.clear()
      baseline.interval = interval
    }
    if (isHeldMemory && !baseline.hasHeldMemory) {
      baseline.hasHeldMemory = true
      baseline.means.forget(kMemory)
    }
    if (quantity === kMemory && baseline.hasHeldMemory && !isHeldMemory) {
      const run =
        metric.type === 'histogram' || metric.type === 'encoded' ? undefined : metric.points[0]?.exemplars?.[0]?.traceId
      baseline.run = run ?? baseline.run
      return
    }
    baseline.means.add(quantity, value, atMs)
  }

  signal(signal: UnitSignal): void {
    const { kind, unit, atMs, quiet, invocationId, event } = signal
    const baseline = this.#baseline(unit)
    if (baseline === undefined) return
    if (invocationId !== '') baseline.run = invocationId
    const { attributes } = event
    const isFailure = kind === 'failed' || (kind === 'restarting' && signal.auto && signal.how === 'success')
    baseline.restarts().elapse(atMs)
    if (quiet === undefined && isFailure) this.#countFailure(signal, baseline)
    if (quiet === undefined || quiet === 'deployment') {
      if (kind === 'started' || kind === 'restarted')
        this.#occasion(
          signal,
          baseline,
          'start_duration',
          seconds(attributes, attr.inactiveExitUsec, attr.activeEnterUsec),
        )
      // A restart after a failure is told second, of the same stop; its stamps may be those of what comes then.
      const isSecond = kind === 'restarting' && signal.how !== 'success' && signal.how !== 'unknown'
      if ((kind === 'stopped' || kind === 'failed' || kind === 'restarting') && !isSecond) {
        this.#occasion(signal, baseline, 'stop_duration', stopSeconds(attributes))
        this.#occasion(signal, baseline, 'memory_at_exit', baseline.means.last(kMemory))
      }
    }
    if (kind === 'oom_killed' || kind === 'gave_up') return
    if (quiet === 'deployment' && (kind === 'started' || kind === 'restarted')) baseline.relearn()
    baseline.means.restart()
    baseline.settledFrom = Math.floor(atMs / kIntervalMs) + kSettleIntervals
    baseline.suspicions = undefined
  }

  save(): SavedState {
    return { bar: this.#bar.height, units: this.#savedUnits() }
  }

  *#savedUnits(): Generator<SavedUnit> {
    for (const [key, baseline] of this.#units.snapshot()) {
      const { open, suspicions } = baseline
      if (open === undefined && suspicions === undefined) yield [key, baseline.save()]
      else {
        const saved = savedSuspicions(baseline, this.#context)
        yield [key, baseline.save(), { ...(open === undefined ? {} : { open: this.#open.save(open) }), ...saved }]
      }
    }
  }

  /** All of it or nothing. */
  *restore(saved: unknown): Pausable<void> {
    const { bar } = saved as { bar: number }
    if (!Number.isFinite(bar)) throw new Error('the bar has no height')
    yield* restoreUnits<SavedUnit, RestoredUnit>(saved, {
      read: (one) => this.#read(one),
      keyOf: ({ key }) => key,
      take: ({ key, baseline, open }) => {
        this.#units.set(key, baseline)
        if (open !== undefined) this.#open.restore(baseline, open)
      },
      max: this.#maxUnits,
    })
    this.#bar.restore(bar)
  }

  #read([key, learned, more]: SavedUnit): RestoredUnit {
    if (!isText(key)) throw new Error('a unit has no name')
    const baseline = new UnitBaseline(learned)
    for (const [kind, suspicion] of Object.entries(more?.suspicions ?? {})) {
      const series = quantities.findIndex((one) => one.kind === kind)
      if (series < 0) throw new Error('a suspicion of nothing')
      baseline.suspect(series, Suspicion.read(suspicion, this.#context))
    }
    return { key, baseline, open: more?.open === undefined ? undefined : this.#open.read(key, more.open) }
  }

  #baseline(unit: Unit): UnitBaseline | undefined {
    if (this.#last?.unit === unit) return this.#last.baseline
    if (this.#passedOver.has(unit)) return undefined
    if (!(this.#include?.(unit.name) ?? true) || this.#exclude?.(unit.name)) {
      this.#passedOver.add(unit)
      return undefined
    }
    let baseline = this.#units.get(unit.key)
    if (baseline === undefined) {
      baseline = new UnitBaseline()
      this.#units.set(unit.key, baseline)
    }
    this.#last = { unit, baseline }
    return baseline
  }

  /** What the interval was like, for each quantity. */
  #closeInterval(unit: Unit, baseline: UnitBaseline): void {
    const { interval } = baseline
    baseline.restarts().elapse((interval + 1) * kIntervalMs)
    const endMs = (interval + 1) * kIntervalMs
    const middleMs = Number(this.#context.unixNano(endMs - kIntervalMs / 2)) / 1e6
    const localSeconds = (middleMs + this.#localTime.offsetMs(middleMs)) / 1000
    const quiet = this.#context.quiet(unit, endMs) ?? this.#context.quiet(unit, endMs - kIntervalMs)
    const isSilent = interval < baseline.settledFrom || quiet !== undefined
    const at = { interval, endMs, localSeconds, raised: this.#bar.raised(endMs), isSilent }
    for (const { kind, finding } of this.#watch.judge(baseline, at))
      if (finding === undefined) this.#open.goesOn(baseline, kind, endMs)
      else this.#tell(unit, baseline, finding)
  }

  #countFailure({ unit, atMs, event }: UnitSignal, baseline: UnitBaseline): void {
    const unusual = baseline.restarts().add(atMs)
    if (unusual === undefined) return
    const rarest = this.#budget.ofCount * 10 ** -this.#bar.raised(atMs)
    if (unusual.p <= rarest)
      this.#tell(unit, baseline, findingOfRate(unusual, { atMs, run: baseline.run, rarest, event }))
  }

  #occasion({ unit, atMs, event, quiet }: UnitSignal, baseline: UnitBaseline, what: Occasion, value: number): void {
    if (!(value > 0)) return
    const { occasionPerMs } = this.#budget
    const unusual = baseline.occasion(what).add(value, atMs, occasionPerMs, this.#bar.raised(atMs))
    if (unusual === undefined || quiet !== undefined) return
    const least = what === 'memory_at_exit' ? quantities[kMemory]!.floor : kLeastSeconds
    if (Math.abs(value - unusual.usual) < least) return
    this.#tell(unit, baseline, findingOfOccasion(what, value, unusual, { atMs, run: baseline.run, event }))
  }

  #tell(unit: Unit, baseline: UnitBaseline, finding: Finding): void {
    if (this.#open.tell(unit, baseline, finding)) this.#bar.alarm(finding.detection.atMs)
  }
}

function savedSuspicions({ suspicions }: UnitBaseline, context: DetectorContext): Pick<SavedMore, 'suspicions'> {
  const entries = (suspicions ?? []).flatMap((one, series) =>
    one === undefined ? [] : [[quantities[series]!.kind, one.save(context)] as const],
  )
  return entries.length === 0 ? {} : { suspicions: Object.fromEntries(entries) }
}

/** NaN where one of the times is not told. */
function seconds(attributes: Readonly<Record<string, unknown>>, from: string, to: string): number {
  return (Number(attributes[to]) - Number(attributes[from])) / 1e6
}

function stopSeconds(attributes: Readonly<Record<string, unknown>>): number {
  const usec = stopUsec({
    inactiveExitUsec: Number(attributes[attr.inactiveExitUsec]),
    activeExitUsec: Number(attributes[attr.activeExitUsec]),
    inactiveEnterUsec: Number(attributes[attr.inactiveEnterUsec]),
    execMainStartUsec: Number(attributes[attr.execMainStartUsec]),
  })
  return usec === undefined ? Number.NaN : usec / 1e6
}
