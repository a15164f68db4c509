import type { HrTime } from '@opentelemetry/api'
import type { MetricData, ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { Attributes } from '../data/attributes.js'
import type { Metric } from '../data/metric.js'
import type { Resource } from '../data/resource.js'

// The SDK's DataPointType and ValueType as numbers and words: importing its enums would load the SDK.
const kHistogram = 0
const kGauge = 2
const kSum = 3
const kInt = 0

/** Turns what the SDK collected into the agent's own records. */
export function toRecords(collected: ResourceMetrics, resource: Resource): readonly Metric[] {
  return collected.scopeMetrics.flatMap(({ metrics }) =>
    metrics.filter((data) => data.dataPoints.length > 0).flatMap((data) => toRecord(data, resource) ?? []),
  )
}

function toRecord(data: MetricData, resource: Resource): Metric | undefined {
  const { name, unit, description, valueType } = data.descriptor
  const head = { name, unit, description, resource }
  const numbers = valueType === kInt ? 'int' : 'double'
  switch (data.dataPointType as number) {
    case kGauge:
    case kSum: {
      const sum = (data.dataPointType as number) === kSum
      const points = (data as Extract<MetricData, { isMonotonic: boolean }>).dataPoints.map((point) => ({
        attributes: point.attributes as Attributes,
        ...(sum ? { startTimeUnixNano: unixNano(point.startTime) } : {}),
        timeUnixNano: unixNano(point.endTime),
        value: point.value,
      }))
      return sum
        ? {
            ...head,
            type: 'sum',
            valueType: numbers,
            monotonic: (data as { isMonotonic: boolean }).isMonotonic,
            points,
          }
        : { ...head, type: 'gauge', valueType: numbers, points }
    }
    case kHistogram:
      return {
        ...head,
        type: 'histogram',
        points: (data as Extract<MetricData, { dataPointType: 0 }>).dataPoints.map((point) => ({
          attributes: point.attributes as Attributes,
          startTimeUnixNano: unixNano(point.startTime),
          timeUnixNano: unixNano(point.endTime),
          count: point.value.count,
          sum: point.value.sum ?? 0,
          bounds: point.value.buckets.boundaries,
          bucketCounts: point.value.buckets.counts,
        })),
      }
    default:
      return undefined
  }
}

function unixNano([seconds, nanos]: HrTime): bigint {
  return BigInt(seconds) * 1_000_000_000n + BigInt(nanos)
}
