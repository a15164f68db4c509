import type { Consumer, Processor, Settings } from '../../component/component.js'
import type { Outcome } from '../../component/outcome.js'
import type { Attributes } from '../../data/attributes.js'
import type { Batch } from '../../data/batch.js'
import { type RawEvent, withAttributes } from '../../data/event.js'
import { type Priority, priorityOfEvent, priorityOfSpan } from '../../data/priority.js'
import type { Resource } from '../../data/resource.js'
import type { Span } from '../../data/span.js'
import { type Kept, Remainder } from '../../lib/limits/remainder.js'
import { sourceOf } from '../../lib/limits/source.js'
import { UnitTable } from '../../lib/patterns/unit-table.js'
import { attr } from '../../lib/systemd/names.js'
import type { Config } from './config.js'
import { fairShare } from './fair-share.js'
import { UnitBudget } from './unit-budget.js'

/** Of how many records this one stands for: OpenTelemetry's name for it (OTEP 170). */
export const kAdjustedCount = 'sampler.adjusted_count'
/** A unit, or whatever else sent it. */
const kSource = [attr.unit, 'service.name']
/** How often shares are settled anew: many records of a busy unit, and soon enough to be of use. */
const kLevelMs = 1000

export function createAdaptiveSampler(settings: Settings, config: Config, next: Consumer): Processor {
  return new AdaptiveSampler(settings, config, next)
}

/** What a batch has of one unit, and how much of it passes. */
interface Group {
  readonly budget: UnitBudget
  events: number
  spans: number
  probability: number
  /** Of its events, those still to pass. */
  due: number
}

class AdaptiveSampler implements Processor {
  readonly #settings: Settings
  readonly #config: Config
  readonly #left: Remainder
  readonly #units: UnitTable<UnitBudget>
  /** Records per second of one unit. */
  #share: number
  #levelledMs: number

  constructor(settings: Settings, config: Config, next: Consumer) {
    this.#settings = settings
    this.#config = config
    this.#left = new Remainder(next)
    const { telemetry, clock } = settings
    const countEvicted = telemetry.counter('sources_evicted', 'Sources forgotten because there are too many.')
    this.#units = new UnitTable<UnitBudget>(config.max_units, () => countEvicted(1))
    this.#share = config.records_per_second
    this.#levelledMs = clock.monotonicMs()
    telemetry.gauge('sources', 'Sources of records that are followed.', '{source}', () => this.#units.size)
    telemetry.gauge('unit_share', 'Records per second that one unit may send.', '{record}/s', () => this.#share)
  }

  async start(): Promise<void> {}
  async shutdown(): Promise<void> {}

  consume(batch: Batch): Promise<Outcome> {
    return this.#left.consume(batch, (whole) => this.#choose(whole))
  }

  #choose(batch: Batch): Kept | undefined {
    const { events, spans } = batch
    if (events.length === 0 && spans.length === 0) return undefined
    const groups = new Map<UnitBudget, Group>()
    const ofEvents = events.map((event) => this.#join(groups, priorityOfEvent(event), event))
    const ofSpans = spans.map((span) => this.#join(groups, priorityOfSpan(span), span))
    for (const group of ofEvents) if (group !== undefined) group.events++
    for (const group of ofSpans) if (group !== undefined) group.spans++
    if (!this.#settle(groups)) return undefined

    const keptEvents: RawEvent[] = []
    for (const [at, event] of events.entries()) {
      const group = ofEvents[at]
      if (group === undefined || group.probability === 1) keptEvents.push(event)
      else if (this.#draws(group)) keptEvents.push(withAttributes(event, weighted(event.attributes, group)))
    }
    const keptSpans: Span[] = []
    for (const [at, span] of spans.entries()) {
      const group = ofSpans[at]
      if (group === undefined || group.probability === 1) keptSpans.push(span)
      else if (this.#keepsTrace(span, group)) keptSpans.push({ ...span, attributes: weighted(span.attributes, group) })
    }
    const sampled = { logs: events.length - keptEvents.length, traces: spans.length - keptSpans.length }
    return {
      batch: { events: keptEvents, metrics: batch.metrics, spans: keptSpans },
      settled: () => this.#settings.telemetry.dropped(sampled, 'sampled'),
    }
  }

  /** The group that a routine record belongs to; undefined for what always passes. */
  #join(
    groups: Map<UnitBudget, Group>,
    priority: Priority,
    { attributes, resource }: { readonly attributes: Attributes; readonly resource: Resource },
  ): Group | undefined {
    if (priority === 'failure' || priority === 'pattern') return undefined
    const source = sourceOf(kSource, attributes, resource)
    let budget = this.#units.get(source)
    if (budget === undefined) {
      budget = new UnitBudget(this.#config.burst, this.#settings.clock.monotonicMs(), this.#settings.random())
      this.#units.set(source, budget)
    }
    let group = groups.get(budget)
    if (group === undefined) {
      group = { budget, events: 0, spans: 0, probability: 1, due: 0 }
      groups.set(budget, group)
    }
    return group
  }

  /** Takes from the budgets; whether any unit has sent more than may pass. */
  #settle(groups: ReadonlyMap<UnitBudget, Group>): boolean {
    const nowMs = this.#settings.clock.monotonicMs()
    this.#level(nowMs)
    let over = false
    for (const group of groups.values()) {
      const records = group.events + group.spans
      group.budget.arrived += records
      group.probability = group.budget.take(records, this.#share, nowMs)
      if (group.probability === 1) continue
      over = true
      group.due = group.budget.round(group.events, group.probability)
    }
    return over
  }

  /** Gives each unit its share, by what came since the last time. */
  #level(nowMs: number): void {
    const pastMs = nowMs - this.#levelledMs
    if (pastMs < kLevelMs) return
    this.#levelledMs = nowMs
    const demands: number[] = []
    for (const budget of this.#units.values()) {
      if (budget.arrived > 0) demands.push((budget.arrived * 1000) / pastMs)
      budget.arrived = 0
    }
    const total = this.#config.records_per_second
    this.#share = Math.min(fairShare(demands, total), total)
  }

  /** Chooses `due` of the group's `events` so that each choice is as likely: selection sampling, one pass, nothing is held. */
  #draws(group: Group): boolean {
    const drawn = this.#settings.random() * group.events < group.due
    group.events--
    if (drawn) group.due--
    return drawn
  }

  /** By the trace, so that a trace stays whole: OpenTelemetry's consistent sampling, R >= 1 - probability. */
  #keepsTrace({ traceId }: Span, { probability }: Group): boolean {
    const randomness = Number.parseInt(traceId.slice(-13), 16) / 2 ** 52
    return (Number.isNaN(randomness) ? this.#settings.random() : randomness) >= 1 - probability
  }
}

/** With its weight; one that stood for several already stands for more. */
function weighted(attributes: Attributes, { probability }: Group): Attributes {
  const before = attributes[kAdjustedCount]
  return { ...attributes, [kAdjustedCount]: (typeof before === 'number' && before > 0 ? before : 1) / probability }
}
