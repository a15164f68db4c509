/**
 * For authors of components: the contracts, the records that flow, and the kit to test with. Everything else is internal
 * and may change with any release.
 */

export type * from './component/component.js'
export type { Concern } from './component/concern.js'
export { type ComponentId, type Kind, parseComponentId } from './component/id.js'
export type { Logger } from './component/logger.js'
export { type Outcome, ok, permanent, retryable, worstOf } from './component/outcome.js'
export type * from './component/schema.js'
export type { Status } from './component/status.js'
export type { ComponentTelemetry, OperationSpan, SpanSource, Tracer } from './component/telemetry.js'

export type { Attributes, AttributeValue } from './data/attributes.js'
export {
  type Batch,
  batchOf,
  concatBatches,
  countItems,
  emptyBatch,
  isEmpty,
  type Signal,
  selectSignals,
  signals,
} from './data/batch.js'
export { type RawEvent, Severity, type SeverityNumber } from './data/event.js'
export type * from './data/metric.js'
export { startTimeOf, timeOf } from './data/metric.js'
export { type Resource, ResourcePool } from './data/resource.js'
export type { Span, SpanEvent, SpanKind, SpanLink } from './data/span.js'

export { UnavailableError } from './errors.js'
export { definePattern, type PatternDefinition, type PatternFactory } from './lib/patterns/define-pattern.js'
export type * from './lib/patterns/detector.js'
export { UnitTable } from './lib/patterns/unit-table.js'
export { type ContractCase, LedgerConsumer } from './testkit/contract/contract-case.js'
export { type ExporterSubject, exporterContract } from './testkit/contract/exporter-contract.js'
export { type ExtensionSubject, extensionContract } from './testkit/contract/extension-contract.js'
export { type ProcessorSubject, processorContract } from './testkit/contract/processor-contract.js'
export { type ReceiverSubject, receiverContract } from './testkit/contract/receiver-contract.js'
export { createTestConfig } from './testkit/create-test-config.js'
export { FakeClock, settle } from './testkit/fake-clock.js'
export { MemoryExporter } from './testkit/memory-exporter.js'
export { MockReceiver } from './testkit/mock-receiver.js'
export { sampleBatch, sampleEvent, sampleGauge, sampleResource, sampleSpan } from './testkit/sample.js'
export { RecordingTelemetry, seededRandom, TestHost, testSettings } from './testkit/test-settings.js'
export { type Clock, sleep, systemClock, type Timer } from './util/clock.js'
