/**
 * A component's own numbers. The implementation (src/telemetry) turns them into the metrics every component has:
 * `unitscope_<component>_events_processed_total`, `_errors_total`, `_processing_duration_ms`,
 * `_events_dropped_total{reason}`, `_collector_healthy`.
 *
 * The ledger: at rest, for every component, `in + produced = out + sum(dropped) + held`, tolerance 0.
 * `in` and `out` are counted by the graph; a component counts only what it drops or makes.
 */
export interface ComponentTelemetry {
  /** Items taken in and handled (receivers: read from the source). */
  processed(items: number): void
  /** Items this component gave up, by reason: a lower_snake_case word from a small fixed set. */
  dropped(items: number, reason: string): void
  /** Items a processor made that did not come in (spans from events, pattern events). */
  produced(items: number): void
  error(reason: string): void
  durationMs(ms: number): void
  /** A further counter of this component, e.g. `signals_suppressed`; exported as `unitscope_<component>_<name>_total`. */
  counter(name: string, description: string): (add: number) => void
  /** A further gauge, read at each collection. */
  gauge(name: string, description: string, unit: string, read: () => number): void
}

export const silentTelemetry: ComponentTelemetry = {
  processed() {},
  dropped() {},
  produced() {},
  error() {},
  durationMs() {},
  counter: () => () => {},
  gauge() {},
}
