import { expect, test } from 'vitest'
import type { Outcome } from '../../../../src/component/outcome.js'
import { ok, retryable } from '../../../../src/component/outcome.js'
import type { Batch } from '../../../../src/data/batch.js'
import type { RawEvent } from '../../../../src/data/event.js'
import { createBatch } from '../../../../src/processors/batch/batch.js'
import { schema } from '../../../../src/processors/batch/config.js'
import { PendingItems } from '../../../../src/receivers/systemd/pending-items.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { FakeClock, settle } from '../../../../src/testkit/fake-clock.js'
import { sampleEvent } from '../../../../src/testkit/sample.js'
import { RecordingTelemetry, testSettings } from '../../../../src/testkit/test-settings.js'
import { sleep } from '../../../../src/util/clock.js'

function event(n: number): RawEvent {
  return sampleEvent({ attributes: { n } })
}

function numbers(events: readonly RawEvent[]): unknown[] {
  return events.map(({ attributes }) => attributes['n'])
}

function pendingBefore(consume: (batch: Batch) => Promise<Outcome>) {
  const clock = new FakeClock()
  const telemetry = new RecordingTelemetry()
  const pending = new PendingItems(testSettings('receiver', 'systemd', { clock, telemetry }), { consume })
  return { clock, telemetry, pending }
}

test('behind a `batch` of 5 ms no event is older than that when it is passed on, whatever was on the way before', async () => {
  const arrived: { readonly n: unknown; readonly atMs: number }[] = []
  const kWriteMs = 1
  const clock = new FakeClock()
  const batch = createBatch(
    testSettings('processor', 'batch', { clock }),
    createTestConfig(schema, { timeout: '5ms' }),
    {
      consume: async ({ events }) => {
        for (const n of numbers(events)) arrived.push({ n, atMs: clock.monotonicMs() })
        await sleep(clock, kWriteMs)
        return ok
      },
    },
  )
  const pending = new PendingItems(testSettings('receiver', 'systemd', { clock }), batch)
  for (let ms = 0; ms < 60; ms++) {
    pending.pushEvents([event(ms)])
    await clock.advance(1)
  }
  await clock.advance(10)
  expect(arrived.map(({ n }) => n)).toEqual(Array.from({ length: 60 }, (_, n) => n))
  for (const { n, atMs } of arrived) expect(atMs - Number(n), `event of ${n} ms`).toBeLessThanOrEqual(5 + kWriteMs)
})

test('in a pipeline that does not answer, events gather in few batches', async () => {
  const answers: ((outcome: Outcome) => void)[] = []
  const offered: number[] = []
  const { pending } = pendingBefore(({ events }) => {
    offered.push(events.length)
    return new Promise((resolve) => answers.push(resolve))
  })
  for (let n = 0; n < 1000; n++) pending.pushEvents([event(n)])
  expect(offered).toEqual(Array.from({ length: 16 }, () => 1))
  answers[0]!(ok)
  await settle()
  expect(offered.slice(16)).toEqual([984])
  const closed = pending.close()
  for (let n = 1; n < 17; n++) answers[n]!(ok)
  await closed
})

test('once a batch is refused no other is begun; then they come in order, and closing offers each once more', async () => {
  let refuse = true
  const taken: unknown[] = []
  let offers = 0
  const { pending, clock, telemetry } = pendingBefore(async ({ events }) => {
    offers++
    if (refuse) return retryable('full', 100)
    taken.push(...numbers(events))
    return ok
  })
  pending.pushEvents([event(0)])
  await settle()
  for (let n = 1; n < 5; n++) pending.pushEvents([event(n)])
  await clock.advance(1000)
  expect(offers).toBe(11)
  expect(telemetry.gauges.get('pending_items')!()).toBe(5)
  refuse = false
  await clock.advance(100)
  expect(taken).toEqual([0, 1, 2, 3, 4])
  expect(offers).toBe(13)

  refuse = true
  pending.pushEvents([event(5)])
  await settle()
  pending.pushEvents([event(6), event(7)])
  await pending.close()
  expect(offers).toBe(16)
  expect(telemetry.drops).toEqual(new Map([['shutdown', 3]]))
  expect(telemetry.gauges.get('pending_items')!()).toBe(0)
})
