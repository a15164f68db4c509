import fc from 'fast-check'
import { expect, test } from 'vitest'
import { batchOf, concatBatches, countItems } from '../../../../src/data/batch.js'
import type { Metric } from '../../../../src/data/metric.js'
import { splitBatch } from '../../../../src/processors/batch/split.js'
import { sampleEvent, sampleGauge, sampleResource, sampleSpan } from '../../../../src/testkit/sample.js'

const histogram: Metric = {
  type: 'histogram',
  name: 'h',
  unit: 's',
  description: '',
  resource: sampleResource(),
  points: [1, 2, 3].map((index) => ({
    attributes: { index },
    startTimeUnixNano: 0n,
    timeUnixNano: 1n,
    count: 1,
    sum: 1,
    bounds: [1],
    bucketCounts: [1, 0],
  })),
}

test('a batch within the limit is not touched', () => {
  const batch = batchOf({ events: [sampleEvent()] })
  expect(splitBatch(batch, 1)[0]).toBe(batch)
})

test('a metric is cut between points and keeps its head and type', () => {
  const parts = splitBatch(batchOf({ metrics: [histogram] }), 2)
  expect(parts.map((part) => part.metrics)).toEqual([
    [{ ...histogram, points: histogram.points.slice(0, 2) }],
    [{ ...histogram, points: histogram.points.slice(2) }],
  ])
})

test('every item stands in exactly one part, in order; all parts but the last are full', () => {
  const shape = fc.record({
    events: fc.integer({ min: 0, max: 12 }),
    spans: fc.integer({ min: 0, max: 12 }),
    metrics: fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 5 }),
    max: fc.integer({ min: 1, max: 10 }),
  })
  fc.assert(
    fc.property(shape, ({ events, spans, metrics, max }) => {
      const batch = batchOf({
        events: Array.from({ length: events }, (_, index) => sampleEvent({ attributes: { index } })),
        spans: Array.from({ length: spans }, (_, index) => sampleSpan({ attributes: { index } })),
        metrics: metrics.map((points, index) =>
          sampleGauge(
            Array.from({ length: points }, (_, point) => point),
            { name: `m${index}` },
          ),
        ),
      })
      const parts = splitBatch(batch, max)
      const sizes = parts.map(countItems)
      expect(sizes.slice(0, -1).every((size) => size === max)).toBe(true)
      expect(sizes.every((size) => size <= max)).toBe(true)
      const whole = concatBatches(parts)
      expect(whole.events).toEqual(batch.events)
      expect(whole.spans).toEqual(batch.spans)
      const points = (list: readonly Metric[]) => list.flatMap((m) => m.points.map((p) => [m.name, p]))
      expect(points(whole.metrics)).toEqual(points(batch.metrics))
    }),
  )
})
