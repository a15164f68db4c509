import { expect, test } from 'vitest'
import { ok, permanent, retryable } from '../../../../src/component/outcome.js'
import { batchOf } from '../../../../src/data/batch.js'
import { Outbox } from '../../../../src/lib/handover/outbox.js'
import { FakeClock, settle } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { sampleBatch, sampleEvent } from '../../../../src/testkit/sample.js'
import { type RecordingTelemetry, testSettings } from '../../../../src/testkit/test-settings.js'

function rig() {
  const clock = new FakeClock()
  const settings = testSettings('processor', 'crash_loop', { clock })
  const next = new MemoryExporter()
  return { clock, next, telemetry: settings.telemetry as RecordingTelemetry, outbox: new Outbox(settings, next) }
}

const one = (name: string) => batchOf({ events: [sampleEvent({ name })] })

test('keeps order, and joins what gathers while one batch is on the way', async () => {
  const { next, outbox, telemetry } = rig()
  let release = (): void => {}
  next.respond = (_, call) => (call === 0 ? new Promise((resolve) => (release = () => resolve(ok))) : ok)
  for (const name of ['a', 'b', 'c']) outbox.push(one(name))
  await settle()
  release()
  await settle()
  expect(next.batches.map((batch) => batch.events.map((event) => event.name))).toEqual([['a'], ['b', 'c']])
  expect(telemetry.producedItems).toBe(3)
})

test('offers the same object again until it is taken, waiting as long as it was asked to', async () => {
  const { clock, next, outbox } = rig()
  const offered: unknown[] = []
  next.respond = (batch, call) => {
    offered.push(batch)
    return call < 2 ? retryable('busy', 700) : ok
  }
  outbox.push(one('a'))
  await clock.advance(1399)
  expect(next.calls).toBe(2)
  await clock.advance(1)
  expect(next.events).toHaveLength(1)
  expect(new Set(offered).size).toBe(1)
})

test('does not offer again what was rejected, nor count it: whoever rejected it has', async () => {
  const { clock, next, outbox, telemetry } = rig()
  next.respond = () => permanent('poison')
  outbox.push(one('a'))
  await clock.advance(100_000)
  expect(next.calls).toBe(1)
  expect(telemetry.drops.size).toBe(0)
})

test('close offers what is left once more, then counts it; what comes later is counted at once', async () => {
  const { clock, next, outbox, telemetry } = rig()
  next.respond = () => retryable('down')
  outbox.push(one('a'))
  await settle()
  await outbox.close()
  outbox.push(one('b'))
  await outbox.close()
  expect(next.calls).toBe(2)
  expect(telemetry.drops).toEqual(new Map([['shutdown', 2]]))
  expect(clock.pending).toBe(0)
})

test('is bounded: what finds no room is counted', async () => {
  const { next, outbox, telemetry } = rig()
  next.respond = () => retryable('down', 1e6)
  outbox.push(sampleBatch(8000))
  outbox.push(sampleBatch(192))
  outbox.push(sampleBatch(1))
  expect(telemetry.drops).toEqual(new Map([['outbox_full', 1]]))
  await outbox.close()
  expect(telemetry.drops.get('shutdown')).toBe(8192)
})
