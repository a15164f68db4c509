import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ok, permanent, retryable } from '../../../../src/component/outcome.js'
import { type Batch, batchOf, countItems } from '../../../../src/data/batch.js'
import { schema } from '../../../../src/processors/filter/config.js'
import { factory } from '../../../../src/processors/filter/factory.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { sampleBatch, sampleEvent, sampleGauge, sampleSpan } from '../../../../src/testkit/sample.js'
import { type RecordingTelemetry, testSettings } from '../../../../src/testkit/test-settings.js'

function rig(written: unknown) {
  const config = createTestConfig(schema, written)
  expect(factory.check(config)).toEqual([])
  const settings = testSettings('processor', 'filter')
  const next = new MemoryExporter()
  return {
    next,
    telemetry: settings.telemetry as RecordingTelemetry,
    filter: factory.create(settings, config, next),
  }
}

const noisy = batchOf({
  events: [sampleEvent({ name: 'keep' }), sampleEvent({ name: 'drop' }), sampleEvent({ name: 'keep' })],
  metrics: [sampleGauge([1, 2, 3], { name: 'level' }), sampleGauge([4], { name: 'drop' })],
  spans: [sampleSpan({ name: 'drop' }), sampleSpan({ name: 'keep' })],
})

test('when everything passes, the same batch goes on', async () => {
  const { filter, next, telemetry } = rig({ exclude: [{ names: ['nothing'] }] })
  await filter.consume(noisy)
  expect(next.batches[0]).toBe(noisy)
  expect(telemetry.drops.size).toBe(0)
})

test('drops by name, of all kinds, and counts items', async () => {
  const { filter, next, telemetry } = rig({ exclude: [{ names: ['drop'] }] })
  await filter.consume(noisy)
  expect(next.events.map((event) => event.name)).toEqual(['keep', 'keep'])
  expect(next.metrics).toEqual([noisy.metrics[0]])
  expect(next.metrics[0]).toBe(noisy.metrics[0])
  expect(next.spans.map((span) => span.name)).toEqual(['keep'])
  expect(telemetry.drops).toEqual(new Map([['filtered', 3]]))
})

test('drops single points of a metric', async () => {
  const { filter, next, telemetry } = rig({ exclude: [{ attributes: { index: 1 } }] })
  await filter.consume(noisy)
  expect(next.metrics[0]!.points.map((point) => point.attributes['index'])).toEqual([0, 2])
  expect(telemetry.drops.get('filtered')).toBe(1)
})

test('exclude wins over include', async () => {
  const { filter, next } = rig({ include: [{ names: ['keep', 'drop'] }], exclude: [{ names: ['drop'] }] })
  await filter.consume(noisy)
  expect(next.items).toBe(3)
})

test('kinds that are not named pass untouched', async () => {
  const { filter, next } = rig({ kinds: ['event'], include: [{ names: ['nothing'] }] })
  await filter.consume(noisy)
  expect(next.events).toHaveLength(0)
  expect(next.metrics).toBe(noisy.metrics)
  expect(next.spans).toBe(noisy.spans)
})

test('a batch of which nothing is left does not trouble the next component', async () => {
  const { filter, next } = rig({ include: [{ names: ['nothing'] }] })
  expect(await filter.consume(noisy)).toEqual(ok)
  expect(next.calls).toBe(0)
})

test('a refused batch is filtered and counted once, and offered as the same object', async () => {
  const { filter, next, telemetry } = rig({ exclude: [{ names: ['drop'] }] })
  const offered: Batch[] = []
  next.respond = (batch, call) => {
    offered.push(batch)
    return call === 0 ? retryable('busy') : permanent('poison')
  }
  expect((await filter.consume(noisy)).kind).toBe('retryable')
  expect(telemetry.drops.size).toBe(0)
  expect((await filter.consume(noisy)).kind).toBe('permanent')
  expect(telemetry.drops).toEqual(new Map([['filtered', 3]]))
  expect(offered[1]).toBe(offered[0])
})

test('an expression that cannot be evaluated does not match, and is counted', async () => {
  const { filter, next, telemetry } = rig({ exclude: [{ expression: 'attributes.nope == 1' }] })
  await filter.consume(noisy)
  expect(next.items).toBe(countItems(noisy))
  expect(telemetry.counters.get('expression_failures')).toBe(countItems(noisy))
})

describe('check', () => {
  test('points at the key of each mistake', () => {
    const config = createTestConfig(schema, {
      include: [{ expression: 'severity >' }],
      exclude: [{ names: ['x'] }, { units: ['[9-0]'] }],
    })
    expect(factory.check(config).map(({ path }) => path)).toEqual([
      ['include', 0, 'expression'],
      ['exclude', 1, 'units', 0],
    ])
  })
})

test('any split of a batch by a rule and its opposite gives the whole batch', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 15 }), async (items, index) => {
      const rule = [{ attributes: { index } }]
      const batch = sampleBatch(items)
      const inside = rig({ include: rule })
      const outside = rig({ exclude: rule })
      await inside.filter.consume(batch)
      await outside.filter.consume(batch)
      expect(inside.next.items + outside.next.items).toBe(items)
      expect(inside.next.items).toBe(outside.telemetry.drops.get('filtered') ?? 0)
    }),
  )
})
