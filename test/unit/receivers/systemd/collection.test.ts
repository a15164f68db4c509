import { expect, test } from 'vitest'
import type { Batch } from '../../../../src/data/batch.js'
import { countItems } from '../../../../src/data/batch.js'
import type { UnitState } from '../../../../src/data/signal-record.js'
import { attr, metric } from '../../../../src/lib/systemd/names.js'
import { Script } from '../../lib/systemd/script.js'
import type { FakeSource } from './fake-source.js'
import { running, start } from './start.js'

// Metrics of a large host, and metrics and events that wait for the same pipeline.

const each10s = { poll_interval: '0s', collection_interval: '10s', max_events_per_second: 1_000_000 }
const refuse = { kind: 'retryable', reason: 'full' } as const

const services = (count: number) => (source: FakeSource) => {
  for (let n = 0; n < count; n++) source.units.set(`u${n}.service`, running)
}
const namesIn = (batches: readonly Batch[]) => batches.flatMap(({ metrics }) => metrics.map(({ name }) => name))
const unitsIn = (batches: readonly Batch[]) =>
  new Set(
    batches.flatMap(({ metrics }) =>
      metrics
        .filter(({ name }) => name === metric.unitState)
        .map(({ resource }) => resource.attributes['service.name']),
    ),
  )

test('3000 services and an idle pipeline: every unit of every collection arrives, in parts', async () => {
  const { clock, exporter, telemetry, receiver } = await start(each10s, services(3000))
  for (let second = 0; second < 20; second++) await clock.advance(1000) // time enough for the parts, one each turn
  for (let turn = 0; turn < 10; turn++) await clock.advance(0)
  expect([...telemetry.drops, ...telemetry.errors]).toEqual([])
  const names = namesIn(exporter.batches)
  expect(names.filter((name) => name === metric.sourceUp)).toHaveLength(3)
  expect(names.filter((name) => name === metric.unitState)).toHaveLength(9000)
  expect(unitsIn(exporter.batches).size).toBe(3000)
  expect(Math.max(...exporter.batches.map(countItems))).toBeLessThan(1100)
  await receiver.shutdown()
  expect(telemetry.processedItems).toBe(exporter.items)
})

test('an outage: metrics take no room from events, and while a collection is under way the next is left out', async () => {
  let open = true
  const { source, clock, exporter, telemetry, receiver } = await start(each10s, (it, out) => {
    services(800)(it)
    out.respond = () => (open ? { kind: 'ok' } : refuse)
  })
  await clock.advance(0) // the last part of the first collection
  open = false
  const before = exporter.items
  await clock.advance(60_000)
  for (let n = 0; n < 5000; n++) source.send(...new Script(`new${n}.service`).start(n + 1, 'a').records)
  await clock.advance(60_000)
  expect(telemetry.drops).toEqual(new Map())
  expect(telemetry.errors).toEqual(new Map([['interval_skipped', 11]]))
  const held = telemetry.gauges.get('pending_items')!()
  expect(held).toBe(telemetry.processedItems - before)
  // What was made is bounded, however many units there are: one window of parts, beside the events.
  expect(held).toBeLessThan(10_000 + 8192 + 1100)
  open = true
  await clock.advance(9000)
  expect(exporter.events).toHaveLength(10_000)
  await receiver.shutdown()
  expect(telemetry.drops).toEqual(new Map())
  expect(telemetry.processedItems).toBe(exporter.items)
})

test('a pipeline slower than the metrics: each unit has its turn, not only those at the front', async () => {
  const { clock, exporter, telemetry, receiver } = await start(each10s, services(3000))
  exporter.batches.length = 0
  exporter.respond = () => new Promise((resolve) => void clock.after(8000, () => resolve({ kind: 'ok' })))
  await clock.advance(120_000)
  expect(unitsIn(exporter.batches).size).toBe(3000)
  expect(telemetry.errors.get('interval_skipped')).toBeGreaterThan(0)
  exporter.respond = () => ({ kind: 'ok' })
  const stopped = receiver.shutdown()
  await clock.advance(60_000)
  await stopped
})

test('a metric pipeline that is stuck holds up no event', async () => {
  const { source, clock, exporter, receiver } = await start(each10s, (_, out) => {
    out.respond = (batch) => (batch.metrics.length > 0 ? refuse : { kind: 'ok' })
  })
  source.send(...new Script('a.service').start(1, 'a').records)
  await clock.advance(10)
  expect(exporter.events.map(({ attributes }) => attributes[attr.unit])).toContain('a.service')
  await receiver.shutdown()
})

test('shutdown in the middle of a collection that nobody takes: all of it is counted', async () => {
  const { clock, exporter, telemetry, receiver } = await start(each10s, (it, out) => {
    services(3000)(it)
    out.respond = () => refuse
  })
  await clock.advance(15_000)
  await receiver.shutdown()
  expect(exporter.items).toBe(0)
  expect([...telemetry.drops.keys()]).toEqual(['shutdown'])
  expect(telemetry.drops.get('shutdown')).toBe(telemetry.processedItems)
  expect(clock.pending).toBe(0)
})

test('more units than are followed: degraded, how many are left out is told, and all others are there', async () => {
  const { source, clock, exporter, host, telemetry, receiver } = await start(each10s)
  const { state } = new Script('a.service').u('active/running').records[0] as { state: UnitState }
  for (let n = 0; n < 65_536 + 3; n++) source.send({ kind: 'unit_changed', unit: `u${n}.service`, state })
  expect(host.last).toEqual({ state: 'ok' })
  exporter.batches.length = 0
  await clock.advance(10_000)
  expect(host.last).toEqual({ state: 'degraded', reason: expect.stringMatching(/^more than 65,536 units: /) })
  expect(telemetry.gauges.get('units_untracked')!()).toBe(3)
  let seen = 0
  for (let looked = 0; seen < 65_536; await clock.advance(0))
    for (; looked < exporter.batches.length; looked++)
      seen += exporter.batches[looked]!.metrics.filter(({ name }) => name === metric.unitState).length
  expect(unitsIn(exporter.batches).size).toBe(65_536)
  await receiver.shutdown()
})
