import { expect, test } from 'vitest'
import { type Outcome, ok, permanent, retryable } from '../../../../src/component/outcome.js'
import { LineDelivery } from '../../../../src/receivers/journald/line-delivery.js'
import { type FakeClock, settle } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { sampleEvent } from '../../../../src/testkit/sample.js'
import { type RecordingTelemetry, testSettings } from '../../../../src/testkit/test-settings.js'

const lines = (...bodies: string[]) => bodies.map((body) => sampleEvent({ name: '', body }))

function rig() {
  const settings = testSettings('receiver', 'journald')
  const exporter = new MemoryExporter()
  const delivered: string[] = []
  const delivery = new LineDelivery(settings, exporter, (cursor) => void delivered.push(cursor))
  const telemetry = settings.telemetry as RecordingTelemetry
  const batches = () => exporter.batches.map(({ events }) => events.map(({ body }) => body).join(''))
  return { delivery, exporter, delivered, telemetry, batches, clock: settings.clock as FakeClock }
}

/** A pipeline that answers when it is told to. */
function slow(exporter: MemoryExporter): (outcome?: Outcome) => Promise<void> {
  const answers: ((outcome: Outcome) => void)[] = []
  exporter.respond = () => new Promise((resolve) => void answers.push(resolve))
  return async (outcome = ok) => {
    answers.shift()!(outcome)
    await settle()
  }
}

test('what comes while a batch is under way goes together in the next; the position follows what was taken', async () => {
  const { delivery, exporter, delivered, batches } = rig()
  const answer = slow(exporter)
  await delivery.push(lines('a'), 'A')
  await delivery.push(lines('b'), 'B')
  await delivery.push(lines('c', 'd'), 'D')
  expect(delivered).toEqual([])
  await answer()
  expect(delivered).toEqual(['A'])
  await answer()
  expect(delivered).toEqual(['A', 'D'])
  expect(batches()).toEqual(['a', 'bcd'])
})

test('a refused batch is offered again until it is taken, and nothing overtakes it', async () => {
  const { delivery, exporter, delivered, batches, clock } = rig()
  exporter.respond = (_, call) => (call < 3 ? retryable('busy') : ok)
  await delivery.push(lines('a'), 'A')
  await delivery.push(lines('b'), 'B')
  await clock.advance(99)
  expect([exporter.calls, delivered]).toEqual([1, []])
  await clock.advance(10_000)
  expect(batches()).toEqual(['a', 'b'])
  expect(delivered).toEqual(['A', 'B'])
})

test('what a pipeline refuses for good is its loss: the position goes on', async () => {
  const { delivery, exporter, delivered, telemetry } = rig()
  exporter.respond = () => permanent('poison')
  await delivery.push(lines('a'), 'A')
  await settle()
  expect(delivered).toEqual(['A'])
  expect([...telemetry.drops]).toEqual([])
})

test('entries of which no line was made move the position, behind the lines before them', async () => {
  const { delivery, exporter, delivered } = rig()
  await delivery.push([], 'A')
  await delivery.push([], 'B')
  expect(delivered).toEqual(['A', 'B'])
  const answer = slow(exporter)
  await delivery.push(lines('c'), 'C')
  await delivery.push([], 'D')
  expect(delivered).toEqual(['A', 'B'])
  await answer()
  expect(delivered).toEqual(['A', 'B', 'C', 'D'])
})

test.each([
  ['lines', () => lines(...Array.from({ length: 5000 }, () => 'x'))],
  ['bytes', () => lines('x'.repeat(5 * 1024 * 1024), 'x'.repeat(5 * 1024 * 1024))],
])('too many %s make the reader wait until the pipeline takes them', async (_, many) => {
  const { delivery, exporter, telemetry } = rig()
  const answer = slow(exporter)
  await delivery.push(lines('first'), 'A')
  let room = false
  const pushed = delivery.push(many(), 'B').then(() => {
    room = true
  })
  await settle()
  expect(room).toBe(false)
  expect(telemetry.gauges.get('pending_items')!()).toBe(1 + many().length)
  await answer() // of the first: the many are under way
  await pushed
  expect(room).toBe(true)
  await answer()
  expect(telemetry.gauges.get('pending_items')!()).toBe(0)
})

test('at the end what is refused once more is dropped, counted, and not passed over', async () => {
  const { delivery, exporter, delivered, telemetry, clock } = rig()
  exporter.respond = () => retryable('busy', 60_000)
  await delivery.push(lines('a', 'b'), 'B')
  await delivery.push(lines('c'), 'C')
  await settle()
  await delivery.close()
  exporter.respond = () => ok
  await delivery.push(lines('d'), 'D')
  await delivery.close()
  expect(delivered).toEqual([])
  expect([...telemetry.drops]).toEqual([['shutdown', 4]])
  expect(telemetry.processedItems).toBe(4)
  expect(clock.pending).toBe(0)
  expect(telemetry.gauges.get('pending_items')!()).toBe(0)
})

test('at the end what is under way is waited for', async () => {
  const { delivery, exporter, delivered } = rig()
  const answer = slow(exporter)
  await delivery.push(lines('a'), 'A')
  const closed = delivery.close()
  await answer()
  await closed
  expect(delivered).toEqual(['A'])
})

test('a summary that comes while the reader waits for room does not take its place: both go on', async () => {
  const { delivery, exporter, batches } = rig()
  const answer = slow(exporter)
  await delivery.push(lines('a'), 'A')
  const went: string[] = []
  const big = 'x'.repeat(9 * 1024 * 1024)
  const pushes = [
    delivery.push(lines(big), 'B').then(() => went.push('reader')),
    delivery.push(lines('s')).then(() => went.push('summary')),
  ]
  await settle()
  expect(went).toEqual([])
  await answer()
  expect(went).toEqual(['reader', 'summary'])
  await Promise.all(pushes)
  await answer()
  expect(batches().map((text) => text.length)).toEqual([1, big.length + 1])
})

test('what a line carries beside its message counts as well: any program may write an identifier of 64 KiB', async () => {
  const { delivery, exporter } = rig()
  const answer = slow(exporter)
  await delivery.push(lines('a'), 'A')
  const attributes = { 'systemd.journal.identifier': 'x'.repeat(64 * 1024), tags: ['y'.repeat(64 * 1024)] }
  const heavy = Array.from({ length: 64 }, () => sampleEvent({ name: '', body: '', attributes }))
  let room = false
  const pushed = delivery.push(heavy, 'B').then(() => {
    room = true
  })
  await settle()
  expect(room).toBe(false)
  await answer()
  await pushed
})
