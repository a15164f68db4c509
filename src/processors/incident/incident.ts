import type { Consumer, Processor, Settings } from '../../component/component.js'
import type { Outcome } from '../../component/outcome.js'
import type { Attributes } from '../../data/attributes.js'
import { type Batch, batchOf } from '../../data/batch.js'
import { type RawEvent, withAttributes } from '../../data/event.js'
import type { Metric } from '../../data/metric.js'
import type { Span } from '../../data/span.js'
import { Outbox } from '../../lib/handover/outbox.js'
import { newIncidentId } from '../../lib/incidents/ids.js'
import type { Incident, IncidentChange, Resolution } from '../../lib/incidents/incident.js'
import { IncidentBook } from '../../lib/incidents/incident-book.js'
import type { Announcer } from '../../lib/incidents/narrator.js'
import type { KeptIncident } from '../../lib/incidents/saved-incident.js'
import type { Stretch } from '../../lib/incidents/stretch.js'
import { attr } from '../../lib/systemd/names.js'
import { hostResource } from '../../lib/systemd/unit-resource.js'
import type { Timer } from '../../util/clock.js'
import { RecentKeys } from '../../util/recent-keys.js'
import type { Config } from './config.js'
import { graphDependencies } from './graph-dependencies.js'
import { concernOf, openedEvent, resolvedEvent, updatedEvent } from './incident-events.js'
import { IncidentMetrics } from './incident-metrics.js'
import { IncidentSpans } from './incident-spans.js'
import { KeptIncidents } from './kept-incidents.js'
import { readReport, scopeOf } from './read-report.js'
import { MissedStates, unitOfState } from './read-state.js'

export function createIncident(settings: Settings, config: Config, next: Consumer): Processor {
  return new IncidentProcessor(settings, config, next)
}

/** Reports that are recognised when they come again: a batch offered twice. The largest kind has 8192 events. */
const kMaxSeen = 8192

/** After a start: the receiver may take 30 s to read from the journal what happened while the agent was away. */
const kSilentMs = 35_000

/**
 * Passes batches on, the events of units that are part of an incident with its ID. What it has to say itself goes out behind
 * them, in batches of its own.
 */
class IncidentProcessor implements Processor, Announcer {
  readonly #settings: Settings
  readonly #config: Config
  readonly #next: Consumer
  readonly #outbox: Outbox
  readonly #book: IncidentBook
  readonly #spans: IncidentSpans
  readonly #metrics: IncidentMetrics
  readonly #seen = new RecentKeys(kMaxSeen)
  readonly #missed = new MissedStates()
  readonly #kept: KeptIncidents
  /**
   * What was made of batches that were refused. Offered again they tell nothing new, and what they tell would be told in
   * another order; and a fan-out knows by the same object who has taken it.
   */
  readonly #refused = new WeakMap<Batch, Batch>()
  /** Said while a batch was looked at. */
  #events: RawEvent[] = []
  #traced: Span[] = []
  #timer: { readonly dueMs: number; readonly timer: Timer } | undefined
  #collection: Timer | undefined
  #stopping: Promise<void> | undefined

  constructor(settings: Settings, config: Config, next: Consumer) {
    this.#settings = settings
    this.#config = config
    this.#next = next
    this.#outbox = new Outbox(settings, next)
    this.#spans = new IncidentSpans(config.max_spans)
    this.#metrics = new IncidentMetrics(settings.clock.unixNano())
    const { telemetry } = settings
    const countEvicted = telemetry.counter('incidents_evicted', 'Incidents given up because of max_incidents.')
    const countOmitted = telemetry.counter('units_omitted', 'Reports of units left out because of max_units.')
    this.#book = new IncidentBook({
      limits: {
        groupingWindowMs: config.grouping_window,
        healthyMs: config.healthy_time,
        updateIntervalMs: config.update_interval,
        maxIncidents: config.max_incidents,
        maxUnits: config.max_units,
      },
      dependencies: graphDependencies(settings.shared, config.dependency_depth),
      newId: () => newIncidentId(settings.random),
      announcer: this,
      countEvicted: () => countEvicted(1),
      countUnitsOmitted: () => countOmitted(1),
    })
    this.#kept = new KeptIncidents(settings, () => this.#save())
    telemetry.gauge('incidents_open', 'Incidents that are not over.', '{incident}', () => this.#book.size)
    telemetry.concerns(() => this.#book.told.map(concernOf))
  }

  async start(): Promise<void> {
    await this.#restore()
    this.#collection = this.#settings.clock.every(this.#config.collection_interval, () => this.#collect())
  }

  /**
   * Incidents still open are told of, and kept for the agent's next life. Where they cannot be, they get the root of their
   * trace, with the state they are in.
   */
  shutdown(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  consume(batch: Batch): Promise<Outcome> {
    const passed = this.#refused.get(batch) ?? this.#look(batch)
    const offered = this.#next.consume(passed)
    this.#flush()
    return offered.then((outcome) => {
      if (outcome.kind === 'retryable') this.#refused.set(batch, passed)
      return outcome
    })
  }

  opened(incident: Incident, atNano: bigint): void {
    this.#metrics.opened(incident, atNano)
    this.#kept.change(true)
    this.#events.push(openedEvent(incident, atNano))
    this.#traceIfGivenUp(incident, atNano)
  }

  updated(incident: Incident, changes: readonly IncidentChange[], atNano: bigint): void {
    this.#events.push(updatedEvent(incident, changes, atNano))
    this.#kept.change(false)
    this.#traceIfGivenUp(incident, atNano)
  }

  resolved(incident: Incident, resolution: Resolution, atNano: bigint): void {
    this.#events.push(resolvedEvent(incident, resolution, atNano))
    this.#kept.change(true)
    this.#trace(this.#spans.root(incident, atNano, { [attr.incidentResolution]: resolution }))
    this.#spans.forget(incident)
  }

  stretch(incident: Incident, stretch: Stretch): void {
    this.#trace(this.#spans.child(incident, stretch))
  }

  #look(batch: Batch): Batch {
    const passed = batch.events.length === 0 ? batch : this.#observe(batch)
    if (batch.metrics.length > 0 && this.#book.size > 0) this.#compare(batch.metrics)
    return passed
  }

  #observe(batch: Batch): Batch {
    const nowMs = this.#settings.clock.monotonicMs()
    let events: RawEvent[] | undefined
    let changed = false
    for (let at = 0; at < batch.events.length; at++) {
      const event = batch.events[at]!
      const unit = event.attributes[attr.unit]
      if (typeof unit !== 'string') continue
      const report = readReport(event)
      // An event that ends the incident, as a stop does, is still part of it.
      let incident = this.#book.incidentOf(scopeOf(event), unit)
      if (report !== undefined && this.#book.concerns(report) && this.#seen.add(keyOf(event, unit))) {
        this.#book.observe(report, nowMs)
        changed = true
        incident = this.#book.incidentOf(scopeOf(event), unit) ?? incident
      }
      if (incident === undefined) continue
      events ??= batch.events.slice()
      events[at] = withAttributes(event, withId(event.attributes, incident.id))
    }
    if (changed) {
      this.#kept.change(false)
      this.#armTimer(nowMs)
    }
    return events === undefined ? batch : { events, metrics: batch.metrics, spans: batch.spans }
  }

  /** The states that the receiver tells each interval, beside what its events have told. */
  #compare(metrics: readonly Metric[]): void {
    const nowMs = this.#settings.clock.monotonicMs()
    for (const metric of metrics) {
      const unit = unitOfState(metric)
      if (unit === undefined) continue
      const scope = scopeOf(metric)
      const member = this.#book.read(scope, unit, nowMs)
      const report = member === undefined ? undefined : this.#missed.report(metric, unit, scope, member)
      if (report === undefined) continue
      this.#book.observe(report, nowMs)
      this.#kept.change(false)
    }
    this.#armTimer(nowMs)
  }

  #expire(): void {
    this.#timer = undefined
    const nowMs = this.#settings.clock.monotonicMs()
    this.#book.expire(nowMs)
    this.#flush()
    this.#armTimer(nowMs)
  }

  #armTimer(nowMs: number): void {
    const dueMs = this.#book.nextDueMs
    if (dueMs === undefined || this.#stopping !== undefined) return
    // An earlier timer may stand: it finds nothing due and arms the next, which is cheaper than one per event.
    if (this.#timer !== undefined && this.#timer.dueMs <= dueMs) return
    this.#timer?.timer.cancel()
    this.#timer = { dueMs, timer: this.#settings.clock.after(Math.max(dueMs - nowMs, 0), () => this.#expire()) }
  }

  async #stop(): Promise<void> {
    this.#collection?.cancel()
    this.#timer?.timer.cancel()
    this.#book.close(this.#settings.clock.monotonicMs())
    this.#flush()
    // One that was not started knows of none, and must not say so where an earlier one has kept some.
    const isKept = this.#collection !== undefined && (await this.#kept.close())
    if (!isKept) for (const incident of this.#book.open) this.#trace(this.#spans.root(incident, incident.lastNano))
    this.#flush()
    await this.#outbox.close()
  }

  async #restore(): Promise<void> {
    const { incidents, sameBoot } = await this.#kept.load()
    const { clock } = this.#settings
    const nowMs = clock.monotonicMs()
    // Never later than now: the clock may have been set back.
    const shiftMs = unixMs(clock.unixNano()) - nowMs
    for (const saved of incidents) {
      const incident = this.#book.restore(saved, (ms) => Math.min(ms - shiftMs, nowMs), nowMs + kSilentMs)
      this.#spans.restore(incident, saved.sent)
    }
    // What ran then does not run any more.
    if (!sameBoot) this.#book.endAll('rebooted', nowMs)
    this.#flush()
    this.#armTimer(nowMs)
  }

  *#save(): Generator<KeptIncident> {
    const { clock } = this.#settings
    const shiftMs = unixMs(clock.unixNano()) - clock.monotonicMs()
    for (const incident of this.#book.open) {
      const saved = this.#book.save(incident, (ms) => ms + shiftMs)
      if (saved !== undefined) yield { ...saved, sent: this.#spans.sent(incident) }
    }
  }

  #collect(): void {
    const { clock, resources } = this.#settings
    const nowMs = clock.monotonicMs()
    const nowNano = clock.unixNano()
    for (const incident of this.#book.open)
      if (nowMs - incident.openedMs > this.#config.trace_limit)
        this.#trace(this.#spans.root(incident, incident.nanoAt(nowMs)))
    this.#flush()
    if (!this.#outbox.isRoomy) return
    this.#outbox.push(batchOf({ metrics: this.#metrics.collect(this.#book.told, hostResource(resources), nowNano) }))
  }

  /** Nothing moves any more, so what there is to be seen is there; what follows are further children. */
  #traceIfGivenUp(incident: Incident, atNano: bigint): void {
    if (incident.state === 'gave_up') this.#trace(this.#spans.root(incident, atNano))
  }

  #trace(span: Span | undefined): void {
    if (span !== undefined) this.#traced.push(span)
  }

  #flush(): void {
    if (this.#events.length === 0 && this.#traced.length === 0) return
    this.#outbox.push(batchOf({ events: this.#events, spans: this.#traced }))
    this.#events = []
    this.#traced = []
  }
}

function unixMs(nano: bigint): number {
  return Number(nano / 1_000_000n)
}

function keyOf({ name, timeUnixNano, traceId }: RawEvent, unit: string): string {
  return `${unit} ${name} ${timeUnixNano} ${traceId ?? ''}`
}

/** The name is written out: one that is computed would make a hash table of the copy (see unit-event.ts). */
function withId(attributes: Attributes, id: string): Attributes {
  const marked: Attributes & Record<typeof attr.incidentId, string> = { ...attributes, 'incident.id': id }
  return marked
}
