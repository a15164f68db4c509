import { type BatchObservableResult, type Histogram, type Observable, ValueType } from '@opentelemetry/api'
import { MeterProvider, MetricReader, type ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { Attributes } from '../data/attributes.js'
import type { Reading } from './readings.js'

/** Upper bounds in milliseconds: from a processor's microseconds to an export that waits for its deadline. */
const durationBoundsMs = [0.1, 0.5, 1, 5, 10, 50, 100, 500, 1000, 5000, 10_000, 30_000]

/** A reader without a schedule: the agent collects when a receiver asks. */
class OnDemandReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** The one MeterProvider; this file is the only importer of the metrics SDK. */
export interface Meter {
  histogram(name: string, description: string, attributes: Attributes): (ms: number) => void
  /** Collects what `read` answers, and the histograms. */
  collect(): Promise<ResourceMetrics>
  shutdown(): Promise<void>
}

export function createMeter(read: () => readonly Reading[]): Meter {
  const reader = new OnDemandReader()
  const provider = new MeterProvider({ readers: [reader] })
  const meter = provider.getMeter('unitscope')
  const observables = new Map<string, Observable>()
  const histograms = new Map<string, Histogram>()
  let readings: readonly Reading[] = []

  const observe = (result: BatchObservableResult): void => {
    for (const { name, value, attributes } of readings)
      result.observe(observables.get(name)!, value, attributes as never)
  }

  /** Makes the instruments that have appeared since the last collection (a new drop reason, a component's own counter). */
  const makeMissing = (): void => {
    const before = [...observables.values()]
    for (const { name, type, description, unit } of readings) {
      if (observables.has(name)) continue
      observables.set(
        name,
        type === 'counter'
          ? meter.createObservableCounter(name, { description, unit, valueType: ValueType.INT })
          : meter.createObservableGauge(name, { description, unit }),
      )
    }
    if (observables.size === before.length) return
    meter.removeBatchObservableCallback(observe, before)
    meter.addBatchObservableCallback(observe, [...observables.values()])
  }

  return {
    histogram(name, description, attributes) {
      let histogram = histograms.get(name)
      if (histogram === undefined) {
        const advice = { explicitBucketBoundaries: durationBoundsMs }
        histogram = meter.createHistogram(name, { description, unit: 'ms', advice })
        histograms.set(name, histogram)
      }
      const found = histogram
      return (ms) => found.record(ms, attributes as never)
    },
    async collect() {
      readings = read()
      makeMissing()
      const { resourceMetrics, errors } = await reader.collect()
      if (errors.length > 0) throw new AggregateError(errors, 'the metrics SDK could not collect')
      return resourceMetrics
    },
    shutdown: () => provider.shutdown(),
  }
}
