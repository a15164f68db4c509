import type { Attributes } from '../data/attributes.js'
import type { Items } from '../data/batch.js'
import type { Span, SpanKind } from '../data/span.js'
import type { Concern } from './concern.js'

/**
 * A component's own numbers. The implementation (src/telemetry) turns them into the metrics every component has:
 * `unitscope_<component>_events_processed_total{signal}`, `_errors_total`, `_processing_duration_ms`,
 * `_events_dropped_total{reason,signal}`, `_collector_healthy`.
 *
 * The ledger: at rest, for every component, `in + produced = out + sum(dropped) + held`, tolerance 0, of each signal.
 * `in` and `out` are counted by the graph; a component counts only what it drops or makes.
 */
export interface ComponentTelemetry {
  /** Items taken in and handled (receivers: read from the source). */
  processed(items: Items): void
  /** Items this component gave up, by reason: a lower_snake_case word from a small fixed set. */
  dropped(items: Items, reason: string): void
  /** Items a processor made that did not come in (spans from events, pattern events). */
  produced(items: Items): void
  error(reason: string): void
  durationMs(ms: number): void
  /** A further counter of this component, e.g. `signals_suppressed`; exported as `unitscope_<component>_<name>_total`. */
  counter(name: string, description: string): (add: number) => void
  /** A further gauge, read at each collection. `queue_items`: what is in the component's queue, by signal, is part of the ledger. */
  gauge(name: string, description: string, unit: string, read: () => number | Items): void
  /** What is the case now, read when somebody asks; the worst 256 are told. */
  concerns(read: () => Iterable<Concern>): void
  /** Set while somebody collects spans of what the components do: ask for it at each operation. */
  readonly tracer?: Tracer | undefined
}

/** Begins spans of a component's operations. */
export interface Tracer {
  /**
   * Undefined: the operation is not sampled, or its span is not to be: one that moves such spans is not traced itself, or each
   * would cause the next (decision 0317).
   *
   * @param kind - `client` where the answer of another program is waited for
   * @param what - after kind and id in the span's name; may be empty
   * @param holdsSpans - spans are among what it works on
   */
  begin(kind: SpanKind, what: string, holdsSpans: boolean): OperationSpan | undefined
}

/** A span under way. Its attributes hold no secrets, as those of a log line. */
export interface OperationSpan {
  event(name: string, attributes: Attributes): void
  /**
   * To be called once.
   *
   * @param error - why the operation failed; undefined: it did not
   */
  end(attributes: Attributes, error?: string): void
}

/** Spans of operations that have ended, for whoever delivers them. */
export interface SpanSource {
  /** Those since the last time, and how many there was no room for. */
  take(): { readonly spans: readonly Span[]; readonly lost: number }
  close(): void
}

export const silentTelemetry: ComponentTelemetry = {
  processed() {},
  dropped() {},
  produced() {},
  error() {},
  durationMs() {},
  counter: () => () => {},
  gauge() {},
  concerns() {},
}
