import type { Consumer, Host, Processor, Settings } from '../../component/component.js'
import type { Outcome } from '../../component/outcome.js'
import { type Batch, batchOf } from '../../data/batch.js'
import type { RawEvent } from '../../data/event.js'
import { type Metric, timeOf } from '../../data/metric.js'
import type { Timer } from '../../util/clock.js'
import { Outbox } from '../handover/outbox.js'
import { metric as metricNames } from '../systemd/names.js'
import { detectionEvent } from './detection-event.js'
import type { Detection, Detector, DetectorContext, QuietReason, Unit } from './detector.js'
import { KeptState } from './kept-state.js'
import { OpenFindings } from './open-findings.js'
import { Quiet } from './quiet.js'
import { RefusedSignals } from './refused-signals.js'
import { SteadyTime } from './steady-time.js'
import { readUnitSignal, signalKind, Units } from './unit-signal.js'

export interface PatternOptions {
  /** Its name in events: `crash_loop`. */
  readonly pattern: string
  /** Names of metrics that the detector wants to see. */
  readonly metrics?: ReadonlySet<string>
  /** Metrics of the machine are wanted, too. */
  readonly ofMachine?: boolean
  /** Of the form of what the detector saves. */
  readonly stateVersion?: number
  create(context: DetectorContext): Detector
}

const { systemState } = metricNames

/**
 * Silence after which time goes on without records. A due time is never passed by less, so that records that come a moment
 * late (a full queue, a slow replay) find the same state whenever they come.
 */
const kSlackMs = 1000
/** How names of findings begin, and of events of incidents. */
const kFinding = 'pattern.'
const kIncident = 'incident.'

/**
 * Shows a detector what passes, and sends on what it finds: every batch goes on as it is, findings behind it in batches of
 * their own, so that the evidence comes before the conclusion.
 */
export class PatternProcessor implements Processor, DetectorContext {
  readonly #settings: Settings
  readonly #next: Consumer
  readonly #options: PatternOptions
  readonly #outbox: Outbox
  readonly #time: SteadyTime
  readonly #quiet: Quiet
  readonly #units = new Units()
  readonly #detector: Detector
  readonly #kept: KeptState
  readonly #openFindings: OpenFindings
  readonly #countEvicted: (units: number) => void
  readonly #refused = new RefusedSignals()
  #found: RawEvent[] = []
  #timer: { readonly dueMs: number; readonly timer: Timer } | undefined
  #host: Host | undefined
  #stopped = false
  /** What was open when the agent stopped is told as soon as there is a time for it. */
  #isRestored = false

  constructor(settings: Settings, next: Consumer, options: PatternOptions) {
    this.#settings = settings
    this.#next = next
    this.#options = options
    this.#outbox = new Outbox(settings, next)
    this.#time = new SteadyTime(settings.clock)
    this.#quiet = new Quiet(this.#time, settings)
    this.#countEvicted = settings.telemetry.counter('units_evicted', 'Units forgotten because there are too many.')
    this.#detector = options.create(this)
    if (this.#detector.open !== undefined)
      settings.telemetry.gauge(
        'patterns_open',
        'Patterns found and not over.',
        '{pattern}',
        () => this.#detector.open ?? 0,
      )
    this.#kept = new KeptState(settings, this.#detector, options.stateVersion ?? 1)
    this.#openFindings = new OpenFindings(settings, options.pattern, this.#detector, this.#outbox, this.#time)
    settings.telemetry.concerns(() => this.#openFindings.concerns())
  }

  async start(host: Host): Promise<void> {
    await this.#kept.load()
    this.#isRestored = (this.#detector.open ?? 0) > 0
    this.#host = host
  }

  /** What is open stays open: it goes on, unwatched. */
  async shutdown(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    this.#timer?.timer.cancel()
    this.#timer = undefined
    this.#openFindings.close()
    if (this.#host !== undefined) await this.#kept.close()
    await this.#outbox.close()
  }

  consume(batch: Batch): Promise<Outcome> {
    // Spans have been told of by events.
    if (batch.events.length === 0 && batch.metrics.length === 0) return this.#next.consume(batch)
    this.#look(batch)
    const offered = this.#next.consume(batch)
    this.#send()
    this.#armTimer()
    this.#kept.touch()
    if (batch.events.length === 0) return offered
    return offered.then((outcome) => {
      if (outcome.kind === 'retryable') this.#refused.add(batch.events)
      return outcome
    })
  }

  tell(detection: Detection): void {
    const event = detectionEvent(this.#options.pattern, detection, this.#time.unixNano(detection.atMs))
    this.#openFindings.heard(detection, event)
    this.#found.push(event)
  }

  unixNano(steadyMs: number): bigint {
    return this.#time.unixNano(steadyMs)
  }

  steadyMs(unixNano: bigint): number {
    return this.#time.of(unixNano)
  }

  quiet(unit: Unit, atMs: number): QuietReason | undefined {
    return this.#quiet.at(unit, atMs)?.reason
  }

  quietUntilMs(unit: Unit, atMs: number): number {
    return this.#quiet.at(unit, atMs)?.untilMs ?? atMs
  }

  evicted(): void {
    this.#countEvicted(1)
  }

  lacks(reason: string | undefined): void {
    this.#host?.report(reason === undefined ? { state: 'ok' } : { state: 'degraded', reason })
  }

  get random(): () => number {
    return this.#settings.random
  }

  #look({ events, metrics }: Batch): void {
    this.#watchClock()
    for (let at = 0; at < events.length; at++) this.#lookAtEvent(events[at]!)
    for (let at = 0; at < metrics.length; at++) this.#lookAtMetric(metrics[at]!)
  }

  /** Time may not have been moved for long. */
  #watchClock(): void {
    if (this.#time.stepped()) this.#quiet.stepped(this.#time.nowMs + this.#time.idleMs)
  }

  #lookAtEvent(event: RawEvent): void {
    this.#moveToEvent(event)
    const atMs = Math.min(this.#time.of(event.timeUnixNano), this.#time.nowMs)
    this.#quiet.observe(event, atMs)
    const kind = signalKind(event)
    if (kind === undefined) {
      if (this.#detector.finding !== undefined && event.name.startsWith(kFinding)) this.#lookAtFinding(event, atMs)
      this.#detector.event?.(event, atMs)
      return
    }
    const unit = this.#units.ofEvent(event)
    if (unit === undefined) return
    if (this.#refused.takes(event)) return
    this.#quiet.observeUnit(kind, event, unit, atMs)
    this.#detector.signal?.(readUnitSignal(event, kind, unit, atMs, this.#quiet.of(event, unit, atMs)))
  }

  #lookAtFinding(event: RawEvent, atMs: number): void {
    const unit = this.#units.ofEvent(event)
    if (unit !== undefined) this.#detector.finding!(event, unit, atMs)
  }

  #lookAtMetric(metric: Metric): void {
    if (metric.type === 'encoded') return
    const first = metric.points[0]
    if (first === undefined) return
    const timeNano = timeOf(metric, first)
    if (metric.name === systemState) this.#quiet.systemState(metric, this.#time.of(timeNano))
    if (this.#options.metrics?.has(metric.name) !== true) return
    const unit =
      this.#units.of(metric.resource) ??
      (this.#options.ofMachine === true ? this.#units.ofMachine(metric.resource) : undefined)
    if (unit === undefined) return
    this.#moveTo(timeNano)
    this.#detector.sample?.(unit, metric, this.#time.of(timeNano))
  }

  /** What other processors conclude bears the time at which it was due, which may be long ago: no clock was set back for it. */
  #moveToEvent({ name, observedTimeUnixNano }: RawEvent): void {
    const isConclusion = name.startsWith(kFinding) || name.startsWith(kIncident)
    if (!isConclusion || this.#time.of(observedTimeUnixNano) > this.#time.nowMs) this.#moveTo(observedTimeUnixNano)
  }

  #moveTo(unixNano: bigint): void {
    if (this.#time.moveTo(unixNano)) this.#quiet.stepped(this.#time.nowMs)
    this.#elapse(this.#time.nowMs)
  }

  #elapse(nowMs: number): void {
    const dueMs = this.#detector.dueMs
    if (dueMs !== undefined && dueMs <= nowMs) this.#detector.elapse!(nowMs)
  }

  #send(): void {
    const isRestored = this.#isRestored && this.#time.nowMs !== Number.NEGATIVE_INFINITY
    if (this.#found.length === 0 && !isRestored) return
    this.#isRestored &&= !isRestored
    const events = this.#found
    this.#found = []
    this.#outbox.push(batchOf({ events, metrics: this.#openFindings.changed() }))
  }

  #armTimer(): void {
    const dueMs = this.#detector.dueMs
    // Before anything was read it is no time at all: what was restored waits for the first record.
    if (dueMs === undefined || this.#stopped || this.#time.nowMs === Number.NEGATIVE_INFINITY) return
    // An earlier timer may stand: it finds nothing due and arms the next, which is cheaper than one per record.
    if (this.#timer !== undefined && this.#timer.dueMs <= dueMs) return
    this.#timer?.timer.cancel()
    // Whole milliseconds: a timer that fires a hair too early would only arm the next.
    const waitMs = Math.max(Math.ceil(dueMs + kSlackMs - this.#time.nowMs - this.#time.idleMs), 1)
    this.#timer = { dueMs, timer: this.#settings.clock.after(waitMs, () => this.#passTime()) }
  }

  #passTime(): void {
    this.#timer = undefined
    this.#watchClock()
    const nowMs = this.#time.nowMs + this.#time.idleMs - kSlackMs
    this.#time.idleUntil(nowMs)
    this.#elapse(nowMs)
    this.#send()
    this.#armTimer()
  }
}
