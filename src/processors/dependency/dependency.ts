import type { Consumer, Processor, Settings } from '../../component/component.js'
import type { Outcome } from '../../component/outcome.js'
import type { Batch } from '../../data/batch.js'
import { type RawEvent, withAttributes } from '../../data/event.js'
import { unitGraphKeys } from '../../lib/dependencies/unit-graph.js'
import type { Config } from './config.js'
import { Explainer } from './explainer.js'
import { failureOf, recoveredUnit, usecOf } from './failure.js'

export function createDependency(settings: Settings, config: Config, next: Consumer): Processor {
  return new Dependency(settings, config, next)
}

/** Passes on what it gets; failures with what the graph of the units says of them. */
class Dependency implements Processor {
  readonly #next: Consumer
  readonly #system: Explainer
  readonly #user: Explainer
  /** What was made of batches that were refused: the same object is offered again, by which a fan-out knows it. */
  readonly #refused = new WeakMap<Batch, Batch>()

  constructor(settings: Settings, config: Config, next: Consumer) {
    this.#next = next
    const { shared, telemetry } = settings
    const forgotten = telemetry.counter('failures_forgotten', 'Failures forgotten because of max_units.')
    const limits = {
      depth: config.dependency_depth,
      windowMs: config.window,
      maxListed: config.max_listed_units,
      maxUnits: config.max_units,
    }
    this.#system = new Explainer(shared.get(unitGraphKeys.system), limits, () => forgotten(1))
    this.#user = new Explainer(shared.get(unitGraphKeys.user), limits, () => forgotten(1))
    telemetry.gauge('failures_remembered', 'Failures that later ones may come from.', '{failure}', () => {
      return this.#system.remembered + this.#user.remembered
    })
  }

  async start(): Promise<void> {}
  async shutdown(): Promise<void> {}

  consume(batch: Batch): Promise<Outcome> {
    const explained = this.#refused.get(batch) ?? this.#explain(batch)
    const offered = this.#next.consume(explained)
    if (batch.events.length === 0) return offered
    return offered.then((outcome) => {
      if (outcome.kind === 'retryable') this.#refused.set(batch, explained)
      return outcome
    })
  }

  #explain(batch: Batch): Batch {
    const { events } = batch
    let made: RawEvent[] | undefined
    for (let at = 0; at < events.length; at++) {
      const event = events[at]!
      const explained = this.#explainOne(event)
      if (explained !== event) made ??= events.slice(0, at)
      made?.push(explained)
    }
    return made === undefined ? batch : { events: made, metrics: batch.metrics, spans: batch.spans }
  }

  #explainOne(event: RawEvent): RawEvent {
    const failure = failureOf(event)
    if (failure !== undefined) return withAttributes(event, this.#explainerOf(event).explain(failure, event.attributes))
    const unit = recoveredUnit(event)
    if (unit !== undefined) this.#explainerOf(event).recovered(unit, usecOf(event))
    return event
  }

  #explainerOf({ resource }: RawEvent): Explainer {
    return resource.attributes['systemd.scope'] === 'user' ? this.#user : this.#system
  }
}
