import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Outcome } from '../../../../src/component/outcome.js'
import type { Parcel } from '../../../../src/lib/delivery/bounded-queue.js'
import type { SendResult } from '../../../../src/lib/delivery/sender.js'
import { settle } from '../../../../src/testkit/fake-clock.js'
import { delivered, down, hang, type Part, parcel, setUp } from './rig.js'

describe('the queue', () => {
  test('answers ok once it holds the parcel, before anything was sent', async () => {
    const { delivery, held } = setUp(hang)
    expect(delivery.offer([parcel(3)])).toEqual({ kind: 'ok' })
    expect(held()).toBe(3)
  })

  const limits: readonly [string, Part['queue'] & object, Parcel][] = [
    ['items', { maxItems: 10 }, parcel(6)],
    ['bytes', { maxBytes: 100 }, parcel(1, 60)],
  ]
  for (const [what, queue, each] of limits) {
    test(`is bounded by ${what}: full, it refuses and counts nothing`, async () => {
      const { delivery, telemetry, held } = setUp(hang, { queue })
      void delivery.start()
      expect(delivery.offer([each]).kind).toBe('ok')
      await settle() // now being sent, and still counted
      expect(delivery.offer([each])).toMatchObject({ kind: 'retryable', reason: 'the sending queue is full' })
      expect(telemetry.drops.size).toBe(0)
      expect(held()).toBe(each.items)
    })

    test(`with drop_oldest, full by ${what}, the oldest that waits makes room and is counted`, async () => {
      const { delivery, telemetry, got, clock } = setUp(() => delivered, {
        queue: { ...queue, overflow: 'drop_oldest' },
      })
      const newest = { ...each }
      expect(delivery.offer([each]).kind).toBe('ok')
      expect(delivery.offer([newest]).kind).toBe('ok')
      expect(telemetry.drops).toEqual(new Map([['queue_full', each.items]]))
      void delivery.start()
      await clock.advance(1)
      expect(got).toEqual([newest])
      expect(got[0]).toBe(newest)
    })
  }

  test('refuses for good what is larger than all of it, counts it, and leaves the rest alone', () => {
    const { delivery, telemetry, held } = setUp(hang, { queue: { maxItems: 10, overflow: 'drop_oldest' } })
    delivery.offer([parcel(5)])
    expect(delivery.offer([parcel(6), parcel(5)])).toMatchObject({ kind: 'permanent' })
    expect(held()).toBe(5)
    expect(telemetry.drops).toEqual(new Map([['too_large', 11]]))
  })

  test('with drop_oldest takes the newest also while all that fills it is being retried', async () => {
    let up = false
    const { delivery, clock, telemetry, got, held } = setUp(() => (up ? delivered : down), {
      queue: { maxItems: 10, overflow: 'drop_oldest' },
      retry: { maxElapsedMs: 0 },
      breaker: { failureThreshold: 3 },
    })
    void delivery.start()
    const parcels = Array.from({ length: 20 }, () => parcel(5))
    for (const one of parcels) {
      expect(delivery.offer([one])).toEqual({ kind: 'ok' })
      await clock.advance(1) // every sender has failed, and waits
    }
    expect(held()).toBe(10)
    expect(telemetry.drops).toEqual(new Map([['queue_full', 90]]))
    up = true
    await clock.advance(60_000)
    expect(got).toHaveLength(2)
    for (const one of parcels.slice(-2)) expect(got.includes(one)).toBe(true) // the very same, not an equal one
    expect(telemetry.processedItems).toBe(10)
  })

  test('with drop_oldest leaves alone what is on the wire: it may be delivered at this moment', async () => {
    const { delivery, telemetry, held } = setUp(hang, { queue: { maxItems: 10, overflow: 'drop_oldest' } })
    void delivery.start()
    delivery.offer([parcel(5)])
    delivery.offer([parcel(5)])
    await settle()
    expect(delivery.offer([parcel(5)])).toMatchObject({ kind: 'retryable' })
    expect(telemetry.drops.size).toBe(0)
    expect(held()).toBe(10)
  })

  test('says beforehand what it has no room for, where asking is cheaper than serialising', () => {
    const { delivery } = setUp(hang, { queue: { maxItems: 10, maxBytes: 100 } })
    const full = { kind: 'retryable', reason: 'the sending queue is full' }
    delivery.offer([parcel(5, 50)])
    const cases: readonly [items: number, bytes: number, answer: object | undefined][] = [
      [5, 0, undefined],
      [5, 50, undefined],
      [6, 0, full],
      [1, 51, full],
      [11, 0, undefined], // can never fit: `offer` counts that
      [1, 101, undefined],
    ]
    for (const [items, bytes, answer] of cases) {
      const refusal = delivery.refusalOf({ items, bytes })
      if (answer === undefined) expect([items, bytes, refusal]).toEqual([items, bytes, undefined])
      else expect(refusal).toMatchObject(answer)
    }
    const dropping = setUp(hang, { queue: { maxItems: 10, overflow: 'drop_oldest' } }).delivery
    dropping.offer([parcel(10)])
    expect(dropping.refusalOf({ items: 10, bytes: 1 })).toBeUndefined()
  })

  test('takes the parcels of one batch all or none', () => {
    const { delivery, held } = setUp(hang, { queue: { maxItems: 10 } })
    delivery.offer([parcel(5)])
    expect(delivery.offer([parcel(3), parcel(3)]).kind).toBe('retryable')
    expect(held()).toBe(5)
  })

  test('never has more senders at work than allowed', async () => {
    let busy = 0
    let most = 0
    const { delivery, clock, got } = setUp(
      async () => {
        most = Math.max(most, ++busy)
        await settle()
        busy--
        return delivered
      },
      { queue: { concurrency: 3 } },
    )
    void delivery.start()
    for (let n = 0; n < 20; n++) delivery.offer([parcel()])
    while (got.length < 20) await clock.advance(1)
    expect(most).toBe(3)
  })
})

describe('a failing server', () => {
  test('is tried again after growing, jittered waits until it works', async () => {
    const { delivery, clock, callTimes, telemetry, health } = setUp((_, call) => (call < 4 ? down : delivered))
    void delivery.start()
    delivery.offer([parcel(7)])
    await clock.advance(60_000)
    expect(callTimes).toHaveLength(5)
    const waits = callTimes.slice(1).map((time, n) => time - callTimes[n]!)
    for (const [n, wait] of waits.entries()) {
      expect(wait).toBeGreaterThanOrEqual(500 * 1.5 ** n)
      expect(wait).toBeLessThanOrEqual(1500 * 1.5 ** n)
    }
    expect(telemetry.processedItems).toBe(7)
    expect(telemetry.counters.get('retries')).toBe(4)
    expect(health).toEqual(['UNAVAILABLE: down', undefined])
  })

  test('that says when to come back is not asked before', async () => {
    const { delivery, clock, callTimes } = setUp((_, call) => (call === 0 ? { ...down, afterMs: 7000 } : delivered))
    void delivery.start()
    delivery.offer([parcel()])
    await clock.advance(6999)
    expect(callTimes).toHaveLength(1)
    await clock.advance(1)
    expect(callTimes).toHaveLength(2)
  })

  test('is given up after max_elapsed, counted', async () => {
    const { delivery, clock, telemetry, held } = setUp(() => down, { retry: { maxElapsedMs: 60_000 } })
    void delivery.start()
    delivery.offer([parcel(4)])
    await clock.advance(60_000)
    expect(telemetry.drops).toEqual(new Map([['retry_exhausted', 4]]))
    expect(held()).toBe(0)
  })

  test('is never given up with max_elapsed 0', async () => {
    const { delivery, clock, telemetry, held } = setUp(() => down, { retry: { maxElapsedMs: 0 } })
    void delivery.start()
    delivery.offer([parcel(4)])
    await clock.advance(24 * 3_600_000)
    expect(telemetry.drops.size).toBe(0)
    expect(held()).toBe(4)
  })

  test('is tried at most once per open time by all senders together once the breaker is open', async () => {
    const part: Part = { queue: { concurrency: 8 }, breaker: { failureThreshold: 8 }, retry: { maxElapsedMs: 0 } }
    const { delivery, clock, callTimes, telemetry } = setUp(() => down, part)
    void delivery.start()
    for (let n = 0; n < 8; n++) delivery.offer([parcel()])
    await clock.advance(1)
    const before = callTimes.length
    expect(before).toBe(8)
    expect(telemetry.gauges.get('breaker_state')!()).toBe(2)
    await clock.advance(100_000)
    expect(callTimes.length - before).toBeLessThanOrEqual(10)
    expect(callTimes.length - before).toBeGreaterThanOrEqual(3)
  })

  test('that keeps failing is tried `max_retries` times more, then the parcel is counted', async () => {
    const { delivery, clock, telemetry, callTimes } = setUp(() => down, { retry: { maxRetries: 3, maxElapsedMs: 0 } })
    void delivery.start()
    delivery.offer([parcel(4)])
    await clock.advance(3_600_000)
    expect(callTimes).toHaveLength(4)
    expect(telemetry.drops).toEqual(new Map([['retry_exhausted', 4]]))
  })

  test('that refuses one parcel for good does not hold up its neighbours', async () => {
    const poison = parcel(2)
    const { delivery, clock, telemetry, got, callTimes } = setUp(
      (p) => (p === poison ? { kind: 'permanent', reason: 'INVALID_ARGUMENT' } : delivered),
      { queue: { concurrency: 1 } },
    )
    void delivery.start()
    for (const one of [parcel(1), poison, parcel(3)]) delivery.offer([one])
    await clock.advance(1)
    expect(callTimes).toHaveLength(3)
    expect(got.map((p) => p.items)).toEqual([1, 3])
    expect(telemetry.drops).toEqual(new Map([['permanent', 2]]))
  })
})

describe('shutdown', () => {
  test('delivers what is queued, then refuses', async () => {
    const { delivery, clock, got, telemetry } = setUp(async () => {
      await settle()
      return delivered
    })
    void delivery.start()
    for (let n = 0; n < 10; n++) delivery.offer([parcel()])
    let done = false
    void delivery.shutdown().then(() => {
      done = true
    })
    while (!done) await clock.advance(1)
    expect(got).toHaveLength(10)
    expect(telemetry.drops.size).toBe(0)
    expect(delivery.offer([parcel()]).kind).toBe('retryable')
    expect(clock.pending).toBe(0)
  })

  test('ends at its deadline also while the server hangs; the rest is counted', async () => {
    const { delivery, clock, telemetry, held } = setUp(hang)
    void delivery.start()
    for (let n = 0; n < 10; n++) delivery.offer([parcel()])
    const stopped = delivery.shutdown()
    await clock.advance(5000)
    await stopped
    await delivery.shutdown()
    expect(telemetry.drops).toEqual(new Map([['shutdown', 10]]))
    expect(held()).toBe(0)
    expect(clock.pending).toBe(0)
  })

  test('without start drops what was queued, counted', async () => {
    const { delivery, telemetry } = setUp(hang)
    delivery.offer([parcel(3)])
    await delivery.shutdown()
    expect(telemetry.drops).toEqual(new Map([['shutdown', 3]]))
  })
})

test('the ledger holds at every rest: taken = delivered + dropped + held, and each delivery happened once', async () => {
  const answer = fc.oneof(
    { weight: 4, arbitrary: fc.constant(delivered) },
    { weight: 4, arbitrary: fc.constant(down) },
    fc.constant<SendResult>({ kind: 'permanent', reason: 'INVALID_ARGUMENT' }),
    fc.nat({ max: 20 }).map((rejected): SendResult => ({ kind: 'delivered', rejected })),
    fc.nat({ max: 5000 }).map((afterMs): SendResult => ({ ...down, afterMs })),
  )
  const step = fc.oneof(
    fc.record({ offer: fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 3 }) }),
    fc.record({ wait: fc.integer({ min: 1, max: 20_000 }) }),
  )
  const overflow = fc.constantFrom('block' as const, 'drop_oldest' as const, 'drop_newest' as const)
  await fc.assert(
    fc.asyncProperty(
      fc.array(answer, { minLength: 1, maxLength: 20 }),
      fc.array(step, { maxLength: 15 }),
      overflow,
      async (answers, steps, policy) => {
        const { delivery, clock, telemetry, got, held } = setUp((_, call) => answers[call % answers.length]!, {
          queue: { maxItems: 60, overflow: policy },
          retry: { maxElapsedMs: 20_000 },
          breaker: { failureThreshold: 3, openMs: 1000 },
        })
        void delivery.start()
        let taken = 0
        const balance = (): void => {
          const dropped = [...telemetry.drops.values()].reduce((sum, n) => sum + n, 0)
          expect(telemetry.processedItems + dropped + held()).toBe(taken)
          expect(held()).toBeLessThanOrEqual(60)
        }
        for (const one of steps) {
          if ('wait' in one) await clock.advance(one.wait)
          else {
            const outcome: Outcome = delivery.offer(one.offer.map((items) => parcel(items)))
            // Who refuses for good has counted the loss (decision 0060).
            if (outcome.kind !== 'retryable') taken += one.offer.reduce((sum, n) => sum + n, 0)
          }
          balance()
        }
        const stopped = delivery.shutdown()
        await clock.advance(10_000)
        await stopped
        balance()
        expect(held()).toBe(0)
        expect(new Set(got).size).toBe(got.length)
      },
    ),
    { numRuns: 60 },
  )
})
