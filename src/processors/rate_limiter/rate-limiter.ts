import type { Consumer, Processor, Settings } from '../../component/component.js'
import { type Outcome, retryable } from '../../component/outcome.js'
import type { Attributes } from '../../data/attributes.js'
import { type Batch, countItems, itemsOf } from '../../data/batch.js'
import type { RawEvent } from '../../data/event.js'
import type { Metric } from '../../data/metric.js'
import { type Priority, priorityOfEvent, priorityOfSpan } from '../../data/priority.js'
import type { Resource } from '../../data/resource.js'
import type { Span } from '../../data/span.js'
import { without } from '../../data/tally.js'
import { type Kept, keep, Remainder } from '../../lib/limits/remainder.js'
import { sourceOf } from '../../lib/limits/source.js'
import { UnitTable } from '../../lib/patterns/unit-table.js'
import type { Config } from './config.js'
import { TokenBucket } from './token-bucket.js'

const kNone: Attributes = Object.freeze({})

export function createRateLimiter(settings: Settings, config: Config, next: Consumer): Processor {
  return new RateLimiter(settings, config, next)
}

class RateLimiter implements Processor {
  readonly #settings: Settings
  readonly #config: Config
  readonly #left: Remainder
  readonly #spared: ReadonlySet<Priority>
  readonly #kinds: ReadonlySet<string>
  readonly #buckets: UnitTable<TokenBucket>
  readonly #countRefused: (items: number) => void

  constructor(settings: Settings, config: Config, next: Consumer) {
    this.#settings = settings
    this.#config = config
    this.#left = new Remainder(next)
    this.#spared = new Set(config.spare)
    this.#kinds = new Set(config.kinds)
    const { telemetry } = settings
    const countEvicted = telemetry.counter('sources_evicted', 'Sources forgotten because there are too many.')
    this.#buckets = new UnitTable<TokenBucket>(config.max_sources, () => countEvicted(1))
    this.#countRefused = telemetry.counter('refused_items', 'Items refused for now; senders still have them.')
    telemetry.gauge('sources', 'Sources of records that are followed.', '{source}', () => this.#buckets.size)
  }

  async start(): Promise<void> {}
  async shutdown(): Promise<void> {}

  consume(batch: Batch): Promise<Outcome> {
    if (this.#config.over_limit === 'drop') return this.#left.consume(batch, (whole) => this.#thinOut(whole))
    const waitMs = this.#left.knows(batch) ? 0 : this.#debtMs(batch)
    if (waitMs === 0) return this.#left.consume(batch, (whole) => this.#charge(whole))
    this.#countRefused(countItems(batch))
    return Promise.resolve(retryable('rate limit', waitMs))
  }

  #thinOut(batch: Batch): Kept | undefined {
    const nowMs = this.#settings.clock.monotonicMs()
    const passes = (bucket: TokenBucket | undefined, items: number) => bucket?.take(items, nowMs) ?? true
    const events = keep(batch.events, (event) => passes(this.#ofEvent(event), 1))
    const spans = keep(batch.spans, (span) => passes(this.#ofSpan(span), 1))
    const metrics = keep(batch.metrics, (metric) => passes(this.#ofMetric(metric), metric.points.length))
    if (events === batch.events && spans === batch.spans && metrics === batch.metrics) return undefined
    const kept = { events, metrics, spans }
    const over = without(itemsOf(batch), itemsOf(kept))
    return { batch: kept, settled: () => this.#settings.telemetry.dropped(over, 'rate_limit') }
  }

  /** Remembered as one that was let in, so that it is not charged again when it is refused further on. */
  #charge(batch: Batch): Kept {
    const nowMs = this.#settings.clock.monotonicMs()
    this.#forEach(batch, (bucket, items) => bucket.charge(items, nowMs))
    return { batch, settled: () => {} }
  }

  /** How long until no source of the batch owes anything. */
  #debtMs(batch: Batch): number {
    const nowMs = this.#settings.clock.monotonicMs()
    let longest = 0
    this.#forEach(batch, (bucket) => {
      longest = Math.max(longest, bucket.debtMs(nowMs))
    })
    return longest
  }

  #forEach(batch: Batch, visit: (bucket: TokenBucket, items: number) => void): void {
    const at = (bucket: TokenBucket | undefined, items: number) => bucket !== undefined && visit(bucket, items)
    for (const event of batch.events) at(this.#ofEvent(event), 1)
    for (const span of batch.spans) at(this.#ofSpan(span), 1)
    for (const metric of batch.metrics) at(this.#ofMetric(metric), metric.points.length)
  }

  // Undefined: it does not count.

  #ofEvent(event: RawEvent): TokenBucket | undefined {
    if (!this.#kinds.has('event') || this.#spared.has(priorityOfEvent(event))) return undefined
    return this.#bucketOf(event.attributes, event.resource)
  }

  #ofSpan(span: Span): TokenBucket | undefined {
    if (!this.#kinds.has('span') || this.#spared.has(priorityOfSpan(span))) return undefined
    return this.#bucketOf(span.attributes, span.resource)
  }

  #ofMetric({ points, resource }: Metric): TokenBucket | undefined {
    if (!this.#kinds.has('metric') || this.#spared.has('sample')) return undefined
    return this.#bucketOf(points[0]?.attributes ?? kNone, resource)
  }

  #bucketOf(attributes: Attributes, resource: Resource): TokenBucket {
    const { source, rate, burst } = this.#config
    const key = sourceOf(source, attributes, resource)
    let bucket = this.#buckets.get(key)
    if (bucket === undefined) {
      bucket = new TokenBucket(rate, burst, this.#settings.clock.monotonicMs())
      this.#buckets.set(key, bucket)
    }
    return bucket
  }
}
