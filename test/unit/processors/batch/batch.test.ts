import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Outcome, ok, permanent, retryable } from '../../../../src/component/outcome.js'
import { type Batch, countItems } from '../../../../src/data/batch.js'
import { schema } from '../../../../src/processors/batch/config.js'
import { factory } from '../../../../src/processors/batch/factory.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { FakeClock, settle } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { sampleBatch } from '../../../../src/testkit/sample.js'
import { type RecordingTelemetry, seededRandom, testSettings } from '../../../../src/testkit/test-settings.js'

function rig(written: unknown = {}) {
  const config = createTestConfig(schema, written)
  const clock = new FakeClock()
  const settings = testSettings('processor', 'batch', { clock })
  const next = new MemoryExporter()
  const processor = factory.create(settings, config, next)
  const answers: (Outcome | undefined)[] = []
  return {
    clock,
    next,
    processor,
    /** Answers of `offer`, in order; undefined while it waits. */
    answers,
    telemetry: settings.telemetry as RecordingTelemetry,
    held: () => (settings.telemetry as RecordingTelemetry).gauges.get('held_items')!(),
    offer(batch: Batch): void {
      const at = answers.push(undefined) - 1
      void processor.consume(batch).then((outcome) => {
        answers[at] = outcome
      })
    },
  }
}

const sizes = (next: MemoryExporter) => next.batches.map(countItems)

describe('when a batch is sent', () => {
  test('after the timeout of its first item, and answered only then', async () => {
    const { clock, next, offer, answers } = rig({ timeout: '200ms' })
    offer(sampleBatch(3))
    await clock.advance(150)
    offer(sampleBatch(4))
    await clock.advance(49)
    expect(next.calls).toBe(0)
    expect(answers).toEqual([undefined, undefined])
    await clock.advance(1)
    expect(sizes(next)).toEqual([7])
    expect(answers).toEqual([ok, ok])
    expect(clock.pending).toBe(0)
  })

  test('at once when it is large enough', async () => {
    const { next, offer } = rig({ send_batch_size: 10, timeout: '1s' })
    offer(sampleBatch(9))
    await settle()
    expect(next.calls).toBe(0)
    offer(sampleBatch(1))
    await settle()
    expect(sizes(next)).toEqual([10])
  })

  test('without waiting for others when the timeout is 0', async () => {
    const { next, offer } = rig({ timeout: '0s' })
    offer(sampleBatch(1))
    await settle()
    expect(sizes(next)).toEqual([1])
  })

  test('with what comes right behind it when the timeout is 0: what was made of a batch on its way here', async () => {
    const { next, offer, answers } = rig({ timeout: '0s' })
    offer(sampleBatch(3))
    offer(sampleBatch(1))
    await settle()
    expect(sizes(next)).toEqual([4])
    expect(answers).toEqual([ok, ok])
  })

  test('with all that has gathered, as soon as a slow one before it is answered', async () => {
    const { next, offer, clock } = rig({ send_batch_size: 2 })
    let release = (): void => {}
    next.respond = (_, call) => (call === 0 ? new Promise((resolve) => (release = () => resolve(ok))) : ok)
    offer(sampleBatch(2))
    for (let i = 0; i < 5; i++) offer(sampleBatch(3))
    await clock.advance(10_000)
    expect(next.calls).toBe(1)
    release()
    await settle()
    expect(sizes(next)).toEqual([2, 15])
  })
})

describe('the size of batches follows the load, with no setting for it:', () => {
  // An item each millisecond for a second, and an exporter that takes so long for each batch.
  test.each([
    ['nobody waits where the exporter is quick', 0, 0, 1000, 1],
    ['a slow one is given more at a time', 10, 0, 101, 10],
    ['the slower, the more', 100, 0, 11, 100],
    ['as far as the bound', 100, 40, 11, 40],
  ])('%s', async (_, answerMs, send_batch_max_size, batches, largest) => {
    const { next, offer, clock } = rig({ send_batch_size: 20, send_batch_max_size })
    next.respond = () => (answerMs === 0 ? ok : new Promise((resolve) => clock.after(answerMs, () => resolve(ok))))
    for (let ms = 0; ms < 1000; ms++) {
      offer(sampleBatch(1))
      await clock.advance(1)
    }
    const counts = sizes(next)
    expect([next.calls, Math.max(...counts)]).toEqual([batches, largest])
  })
})

describe('the size limit', () => {
  test('keeps offers whole where it can, so that each has its own answer', async () => {
    const { next, offer, answers } = rig({ send_batch_size: 10, send_batch_max_size: 10, timeout: '1s' })
    next.respond = (batch) => (countItems(batch) === 6 ? permanent('poison') : ok)
    for (const items of [6, 6, 4]) offer(sampleBatch(items))
    await settle()
    expect(sizes(next)).toEqual([10])
    expect(answers).toEqual([permanent('poison'), ok, ok])
  })

  test('splits a larger offer', async () => {
    const { next, offer } = rig({ send_batch_size: 4, send_batch_max_size: 4 })
    offer(sampleBatch(10))
    await settle()
    expect(sizes(next)).toEqual([4, 4, 2])
  })

  test('an offer half delivered is finished here: nothing twice, nothing lost', async () => {
    const { next, offer, answers, clock, telemetry } = rig({ send_batch_size: 4, send_batch_max_size: 4 })
    next.respond = (_, call) => (call === 1 || call === 2 ? retryable('busy', 500) : ok)
    offer(sampleBatch(10))
    await clock.advance(999)
    expect(answers).toEqual([undefined])
    await clock.advance(1)
    expect(answers).toEqual([ok])
    expect(sizes(next)).toEqual([4, 4, 2])
    expect(telemetry.drops.size).toBe(0)
  })

  test('rejected in part, an offer counts as taken; rejected whole, as rejected', async () => {
    const { next, offer, answers } = rig({ send_batch_size: 4, send_batch_max_size: 4 })
    next.respond = (_, call) => (call === 1 || call > 2 ? permanent('poison') : ok)
    offer(sampleBatch(10))
    await settle()
    offer(sampleBatch(8))
    await settle()
    expect(answers).toEqual([ok, permanent('poison')])
  })
})

describe('back-pressure', () => {
  test('a refused batch is offered again as the same object, while its senders wait', async () => {
    const { next, offer, answers, clock } = rig({ timeout: '10ms' })
    const offered = new Set<Batch>()
    next.respond = (batch, call) => {
      offered.add(batch)
      return call < 3 ? retryable('busy', 1000) : ok
    }
    offer(sampleBatch(2))
    offer(sampleBatch(2))
    await clock.advance(3009)
    expect(answers).toEqual([undefined, undefined])
    await clock.advance(1)
    expect(answers).toEqual([ok, ok])
    expect(offered.size).toBe(1)
  })

  test('no more than max_held_items are held; the rest wait outside, in order', async () => {
    const { next, offer, answers, clock, held } = rig({ send_batch_size: 5, max_held_items: 10 })
    next.respond = () => retryable('down', 1000)
    for (let i = 0; i < 6; i++) offer(sampleBatch(4, `b${i}`))
    await settle()
    expect(held()).toBe(8)
    next.respond = () => ok
    await clock.advance(1000)
    expect(answers.every((answer) => answer?.kind === 'ok')).toBe(true)
    expect(held()).toBe(0)
    const tags = next.events.map((event) => event.attributes['tag'])
    expect(tags).toEqual([...tags].sort())
    expect(next.items).toBe(24)
  })

  test('an offer above max_held_items goes through alone', async () => {
    const { next, offer, answers } = rig({ send_batch_size: 5, max_held_items: 10 })
    offer(sampleBatch(50))
    await settle()
    expect(answers).toEqual([ok])
    expect(sizes(next)).toEqual([50])
  })
})

describe('shutdown', () => {
  test('sends what is held and answers everybody', async () => {
    const { next, offer, answers, processor } = rig()
    offer(sampleBatch(3))
    await processor.shutdown()
    await settle()
    expect(sizes(next)).toEqual([3])
    expect(answers).toEqual([ok])
    expect(await processor.consume(sampleBatch(1))).toMatchObject({ kind: 'retryable' })
  })

  test('cuts a retry short, tries once more, and hands back what is refused', async () => {
    const { next, offer, answers, processor, clock, telemetry } = rig({ timeout: '0s' })
    next.respond = () => retryable('down', 60_000)
    offer(sampleBatch(3))
    await settle()
    await processor.shutdown()
    await settle()
    expect(answers).toEqual([retryable('down', 60_000)])
    expect(next.calls).toBe(2)
    expect(telemetry.drops.size).toBe(0)
    expect(clock.pending).toBe(0)
  })

  test('counts the rest of an offer half delivered', async () => {
    const { next, offer, answers, processor, telemetry } = rig({ send_batch_size: 4, send_batch_max_size: 4 })
    next.respond = (_, call) => (call === 0 ? ok : retryable('down'))
    offer(sampleBatch(10))
    await settle()
    await processor.shutdown()
    await settle()
    expect(answers).toEqual([ok])
    expect(telemetry.drops).toEqual(new Map([['shutdown', 6]]))
  })
})

test('a bug further on reaches the one who sent, and does not stop the rest', async () => {
  const { next, processor, clock } = rig({ timeout: '0s' })
  next.respond = (_, call) => {
    if (call === 0) throw new Error('bug')
    return ok
  }
  await expect(processor.consume(sampleBatch(1))).rejects.toThrow('bug')
  await expect(processor.consume(sampleBatch(1))).resolves.toEqual(ok)
  expect(clock.pending).toBe(0)
})

test('check refuses sizes that contradict each other', () => {
  const check = (written: unknown) => factory.check(createTestConfig(schema, written)).map(({ path }) => path)
  expect(check({ send_batch_size: 10, send_batch_max_size: 9 })).toEqual([['send_batch_max_size']])
  expect(check({ send_batch_size: 10, send_batch_max_size: 10, max_held_items: 10 })).toEqual([])
  expect(check({ send_batch_size: 10, max_held_items: 9 })).toEqual([['max_held_items']])
})

test('whatever next answers and whenever it stops: taken = delivered + rejected + dropped', async () => {
  const shape = fc.record({
    seed: fc.nat(),
    offers: fc.array(fc.integer({ min: 1, max: 25 }), { minLength: 1, maxLength: 30 }),
    size: fc.integer({ min: 1, max: 12 }),
    extra: fc.integer({ min: 0, max: 8 }),
    stopAfterMs: fc.integer({ min: 0, max: 5000 }),
  })
  await fc.assert(
    fc.asyncProperty(shape, async ({ seed, offers, size, extra, stopAfterMs }) => {
      const { next, offer, answers, processor, clock, telemetry } = rig({
        send_batch_size: size,
        send_batch_max_size: size + extra,
        max_held_items: 40,
      })
      const random = seededRandom(seed)
      let rejected = 0
      next.respond = (batch) => {
        const dice = random()
        if (dice < 0.4) return retryable('busy', Math.floor(random() * 1000))
        if (dice > 0.9) {
          rejected += countItems(batch)
          return permanent('poison')
        }
        return ok
      }
      for (const items of offers) {
        offer(sampleBatch(items))
        await clock.advance(Math.floor(random() * 300))
      }
      await clock.advance(stopAfterMs)
      await processor.shutdown()
      await settle()
      const taken = offers.reduce((sum, items, i) => (answers[i]!.kind === 'retryable' ? sum : sum + items), 0)
      const dropped = telemetry.drops.get('shutdown') ?? 0
      expect(taken).toBe(next.items + rejected + dropped)
      expect(clock.pending).toBe(0)
    }),
    { numRuns: 40 },
  )
})
