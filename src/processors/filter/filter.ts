import type { Consumer, Processor, Settings } from '../../component/component.js'
import type { Outcome } from '../../component/outcome.js'
import { type Batch, itemsOf } from '../../data/batch.js'
import type { Metric } from '../../data/metric.js'
import { without } from '../../data/tally.js'
import { type Kept, keep, Remainder } from '../../lib/limits/remainder.js'
import { compileRules, type RecordTest } from '../../lib/matching/record-rule.js'
import { createRecordView } from '../../lib/matching/record-view.js'
import { attr } from '../../lib/systemd/names.js'
import type { Config } from './config.js'

export function createFilter(settings: Settings, config: Config, next: Consumer): Processor {
  return new Filter(settings, config, next)
}

class Filter implements Processor {
  readonly #settings: Settings
  readonly #left: Remainder
  readonly #record = createRecordView(attr.unit)
  readonly #kinds: ReadonlySet<string>
  readonly #include: RecordTest | undefined
  readonly #exclude: RecordTest | undefined

  constructor(settings: Settings, config: Config, next: Consumer) {
    this.#settings = settings
    this.#left = new Remainder(next)
    this.#kinds = new Set(config.kinds)
    const countFailure = settings.telemetry.counter(
      'expression_failures',
      'Evaluations of an expression that failed (a missing attribute, types that do not fit); the rule did not match.',
    )
    const onFailure = (): void => countFailure(1)
    this.#include = compileRules(config.include, onFailure)
    this.#exclude = compileRules(config.exclude, onFailure)
  }

  async start(): Promise<void> {}
  async shutdown(): Promise<void> {}

  consume(batch: Batch): Promise<Outcome> {
    return this.#left.consume(batch, (whole) => this.#choose(whole))
  }

  #choose(batch: Batch): Kept | undefined {
    const kept = this.#filter(batch)
    if (kept === batch) return undefined
    const left = without(itemsOf(batch), itemsOf(kept))
    return { batch: kept, settled: () => this.#settings.telemetry.dropped(left, 'filtered') }
  }

  #filter(batch: Batch): Batch {
    const { events, metrics, spans } = batch
    const keptEvents = this.#kinds.has('event')
      ? keep(events, (event) => this.#passes(this.#record.ofEvent(event)))
      : events
    const keptMetrics = this.#kinds.has('metric') ? this.#filterMetrics(metrics) : metrics
    const keptSpans = this.#kinds.has('span') ? keep(spans, (span) => this.#passes(this.#record.ofSpan(span))) : spans
    if (keptEvents === events && keptMetrics === metrics && keptSpans === spans) return batch
    return { events: keptEvents, metrics: keptMetrics, spans: keptSpans }
  }

  #filterMetrics(metrics: readonly Metric[]): readonly Metric[] {
    let kept: Metric[] | undefined
    for (const [index, metric] of metrics.entries()) {
      const left = this.#filterPoints(metric)
      if (left === metric) kept?.push(metric)
      else {
        kept ??= metrics.slice(0, index)
        if (left.points.length > 0) kept.push(left)
      }
    }
    return kept ?? metrics
  }

  // Branches, since a metric's points are of one type and TypeScript keeps them apart.
  #filterPoints(metric: Metric): Metric {
    if (metric.type === 'histogram') {
      const points = keep(metric.points, (point) => this.#passes(this.#record.ofPoint(metric, point)))
      return points === metric.points ? metric : { ...metric, points }
    }
    if (metric.type === 'encoded') {
      const points = keep(metric.points, (point) => this.#passes(this.#record.ofPoint(metric, point)))
      return points === metric.points ? metric : { ...metric, points }
    }
    const points = keep(metric.points, (point) => this.#passes(this.#record.ofPoint(metric, point)))
    return points === metric.points ? metric : { ...metric, points }
  }

  #passes(view: Parameters<RecordTest>[0]): boolean {
    if (this.#exclude?.(view) === true) return false
    return this.#include === undefined || this.#include(view)
  }
}
