import { createHash } from 'node:crypto'
import type { Consumer, Processor, Settings } from '../../component/component.js'
import type { Outcome } from '../../component/outcome.js'
import type { Attributes } from '../../data/attributes.js'
import type { Batch } from '../../data/batch.js'
import type { Metric } from '../../data/metric.js'
import type { Resource } from '../../data/resource.js'
import { compileRules, type RecordTest } from '../../lib/matching/record-rule.js'
import { createRecordView, type RecordView } from '../../lib/matching/record-view.js'
import { attr } from '../../lib/systemd/names.js'
import { compileActions, type Edit } from './actions.js'
import type { Config } from './config.js'

const kNone: Attributes = Object.freeze({})

export function createAttributes(settings: Settings, config: Config, next: Consumer): Processor {
  return new AttributesProcessor(settings, config, next)
}

class AttributesProcessor implements Processor {
  readonly #settings: Settings
  readonly #next: Consumer
  readonly #record = createRecordView(attr.unit)
  readonly #scope: RecordTest | undefined
  readonly #editRecord: Edit | undefined
  readonly #editResource: Edit | undefined
  /** What became of each resource; goes when the resource itself goes. */
  readonly #edited = new WeakMap<Resource, Resource>()
  /** What was made of batches that were refused: the same object is offered again, by which a fan-out knows it. */
  readonly #refused = new WeakMap<Batch, Batch>()

  constructor(settings: Settings, config: Config, next: Consumer) {
    this.#settings = settings
    this.#next = next
    const countFailure = settings.telemetry.counter(
      'expression_failures',
      'Evaluations of an expression that failed (a missing attribute, types that do not fit); the rule did not match.',
    )
    this.#scope = compileRules(config.include, () => countFailure(1))
    this.#editRecord = compileActions(config.actions.filter((action) => action.on === 'record'))
    this.#editResource = compileActions(config.actions.filter((action) => action.on === 'resource'))
  }

  async start(): Promise<void> {}
  async shutdown(): Promise<void> {}

  async consume(batch: Batch): Promise<Outcome> {
    const edited = this.#refused.get(batch) ?? this.#edit(batch)
    const outcome = await this.#next.consume(edited)
    if (outcome.kind === 'retryable') this.#refused.set(batch, edited)
    return outcome
  }

  #edit(batch: Batch): Batch {
    const events = replace(batch.events, (event) => this.#editOne(event, this.#record.ofEvent(event)))
    const spans = replace(batch.spans, (span) => this.#editOne(span, this.#record.ofSpan(span)))
    const metrics = this.#editMetrics(batch.metrics)
    if (events === batch.events && spans === batch.spans && metrics === batch.metrics) return batch
    return { events, metrics, spans }
  }

  #editOne<T extends { readonly attributes: Attributes; readonly resource: Resource }>(item: T, view: RecordView): T {
    if (this.#scope !== undefined && !this.#scope(view)) return item
    const resource = this.#resourceFor(item.resource)
    const attributes = this.#editRecord?.(item.attributes, item.resource.attributes) ?? item.attributes
    if (resource === item.resource && attributes === item.attributes) return item
    return { ...item, attributes, resource }
  }

  // Points of one metric may fall in and out of scope, and so get different resources: each resource gets its own metric.
  #editMetrics(metrics: readonly Metric[]): readonly Metric[] {
    let result: Metric[] | undefined
    for (const [index, metric] of metrics.entries()) {
      const parts = this.#editMetric(metric)
      if (parts.length === 1 && parts[0] === metric) result?.push(metric)
      else {
        result ??= metrics.slice(0, index)
        result.push(...parts)
      }
    }
    return result ?? metrics
  }

  #editMetric(metric: Metric): readonly Metric[] {
    // Branches, since a metric's points are of one type and TypeScript keeps them apart.
    if (metric.type === 'histogram')
      return this.#editPoints(metric, metric.points, (resource, points) => ({ ...metric, resource, points }))
    if (metric.type === 'encoded')
      return this.#editPoints(metric, metric.points, (resource, points) => ({ ...metric, resource, points }))
    return this.#editPoints(metric, metric.points, (resource, points) => ({ ...metric, resource, points }))
  }

  #editPoints<P extends Metric['points'][number]>(
    metric: Metric,
    points: readonly P[],
    make: (resource: Resource, points: readonly P[]) => Metric,
  ): readonly Metric[] {
    let changed = false
    let inScope = 0
    const edited = replace(points, (point) => {
      if (this.#scope !== undefined && !this.#scope(this.#record.ofPoint(metric, point))) return point
      inScope++
      const attributes = this.#editRecord?.(point.attributes, metric.resource.attributes) ?? point.attributes
      if (attributes === point.attributes) return point
      changed = true
      return { ...point, attributes }
    })
    const resource = inScope > 0 ? this.#resourceFor(metric.resource) : metric.resource
    if (resource === metric.resource) return changed ? [make(resource, edited)] : [metric]
    if (inScope === points.length) return [make(resource, edited)]
    const scoped = points.map((point) => this.#scope?.(this.#record.ofPoint(metric, point)) !== false)
    return [
      make(
        metric.resource,
        edited.filter((_, index) => !scoped[index]),
      ),
      make(
        resource,
        edited.filter((_, index) => scoped[index]),
      ),
    ]
  }

  /** The same object for the same resource, so that exporters still group by identity. */
  #resourceFor(resource: Resource): Resource {
    if (this.#editResource === undefined) return resource
    const known = this.#edited.get(resource)
    if (known !== undefined) return known
    const attributes = this.#editResource(resource.attributes, kNone)
    const edited = attributes === resource.attributes ? resource : this.#intern(resource, attributes)
    this.#edited.set(resource, edited)
    return edited
  }

  // The digest keeps apart what two pipelines made of one entity, and joins what both made alike.
  #intern(resource: Resource, attributes: Attributes): Resource {
    const { key, origin } = resource
    // With its origin: a key need not tell tenants apart.
    const text = JSON.stringify([attributes, origin], (_, value) => (typeof value === 'bigint' ? `${value}n` : value))
    const digest = createHash('sha256').update(text).digest('hex').slice(0, 16)
    return this.#settings.resources.intern(`${key}+${digest}`, () => attributes, origin)
  }
}

/** Applies `edit` to each item; the same array when it changed none. */
function replace<T>(items: readonly T[], edit: (item: T) => T): readonly T[] {
  let result: T[] | undefined
  for (let index = 0; index < items.length; index++) {
    const item = items[index]!
    const edited = edit(item)
    if (edited !== item) result ??= items.slice(0, index)
    result?.push(edited)
  }
  return result ?? items
}
