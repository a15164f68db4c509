import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { settle } from '../../../../src/testkit/fake-clock.js'
import { delivered, down, hang, type LaneParcel, parcel, setUp } from './rig.js'

// A request costs the same with one event in it as with a hundred.

const sizes = (got: readonly LaneParcel[]) => got.map(({ items }) => items)
const ofLane = (lane: string, items: number, bytes = 10): LaneParcel => ({ ...parcel(items, bytes), lane })

test('what stands between the parts of a request is in no account once it is delivered', async () => {
  const { delivery, clock, telemetry, held } = setUp(() => delivered, { intervalMs: 50, between: 1 })
  void delivery.start()
  const bytes = telemetry.gauges.get('queue_bytes')!
  for (let n = 0; n < 30; n++) {
    delivery.offer([parcel(1), parcel(2), parcel(3)])
    await clock.advance(20)
    expect(bytes()).toBeGreaterThanOrEqual(0)
  }
  await clock.advance(1000)
  expect([held(), bytes()]).toEqual([0, 0])
})

describe('parcels that come close together', () => {
  test('the first after a pause goes at once, those behind it in one request when the interval is over', async () => {
    const { delivery, clock, got, callTimes, held } = setUp(() => delivered, { intervalMs: 50 })
    void delivery.start()
    delivery.offer([parcel(1)])
    await settle()
    expect(sizes(got)).toEqual([1])
    for (const items of [2, 3, 4]) {
      await clock.advance(10)
      delivery.offer([parcel(items)])
    }
    expect(held()).toBe(9)
    await clock.advance(50)
    expect(sizes(got)).toEqual([1, 9])
    await clock.advance(1000)
    delivery.offer([parcel(5)])
    await settle()
    expect(sizes(got)).toEqual([1, 9, 5])
    expect(callTimes).toEqual([0, 50, 1080])
    expect([held(), clock.pending]).toEqual([0, 0])
  })

  test('lanes wait apart: a request of one is no reason for another to wait', async () => {
    const { delivery, clock, got } = setUp(() => delivered, { intervalMs: 50 })
    void delivery.start()
    for (let n = 0; n < 3; n++) delivery.offer([ofLane('logs', 1), ofLane('traces', 2)])
    await settle()
    expect(sizes(got)).toEqual([3, 6])
    delivery.offer([ofLane('metrics', 7)])
    await settle()
    expect(sizes(got)).toEqual([3, 6, 7])
    await clock.advance(100)
    expect(got).toHaveLength(3)
  })

  test('a lane that is due earlier does not wait for the timer of another', async () => {
    const { delivery, clock, callTimes } = setUp(() => delivered, { intervalMs: 50 })
    void delivery.start()
    delivery.offer([ofLane('logs', 1)])
    await clock.advance(30)
    delivery.offer([ofLane('traces', 1)])
    await settle()
    delivery.offer([ofLane('traces', 1)]) // due at 80
    await clock.advance(5)
    delivery.offer([ofLane('logs', 1)]) // due at 50
    await clock.advance(100)
    expect(callTimes).toEqual([0, 30, 50, 80])
    expect(clock.pending).toBe(0)
  })

  test('what is large enough for a request of its own waits for nobody, and is joined to no more than fits', async () => {
    const kibi100 = 100 * 1024
    const { delivery, got } = setUp(() => delivered, { intervalMs: 10_000, queue: { maxBytes: 2 ** 24 } })
    void delivery.start()
    delivery.offer([parcel(1)])
    await settle()
    for (let n = 0; n < 5; n++) delivery.offer([parcel(1, kibi100)])
    await settle()
    expect(got.map(({ byteLength }) => byteLength).slice(0, 3)).toEqual([10, 2 * kibi100, 2 * kibi100])
  })

  test('much of another lane, waiting or under way, is no reason to send alone', async () => {
    const kibi300 = 300 * 1024
    const logs: number[] = []
    const { delivery, clock } = setUp(
      (one, tries, signal) => {
        const { lane, items } = one as LaneParcel
        if (lane === 'metrics') return hang(one, tries, signal)
        logs.push(items)
        return delivered
      },
      { intervalMs: 50, queue: { maxBytes: 2 ** 24, concurrency: 4 } },
    )
    void delivery.start()
    delivery.offer([ofLane('metrics', 1, kibi300), ofLane('logs', 1)])
    await settle()
    delivery.offer([ofLane('metrics', 1, 200 * 1024)])
    for (let n = 0; n < 3; n++) {
      delivery.offer([ofLane('logs', 1)])
      await clock.advance(10)
    }
    expect(logs).toEqual([1])
    await clock.advance(50)
    expect(logs).toEqual([1, 3])
  })

  test.each([
    ['items', { maxItems: 20 }, 3, 10],
    ['bytes', { maxBytes: 2000 }, 1, 300],
  ])('in a small queue nothing is dropped for want of company: %s', async (_, limit, items, bytes) => {
    const queue = { ...limit, overflow: 'drop_oldest' } as const
    const { delivery, telemetry, got } = setUp(() => delivered, { intervalMs: 10_000, queue })
    void delivery.start()
    for (let n = 0; n < 20; n++) {
      delivery.offer([parcel(items, bytes)])
      await settle()
    }
    expect(telemetry.drops.size).toBe(0)
    expect(sizes(got).reduce((sum, one) => sum + one, 0)).toBeGreaterThan(14 * items)
  })

  test('shutdown waits for no interval', async () => {
    const { delivery, clock, got, held } = setUp(() => delivered, { intervalMs: 10_000 })
    void delivery.start()
    delivery.offer([parcel(1)])
    await settle()
    delivery.offer([parcel(2)])
    delivery.offer([parcel(3)])
    const stopped = delivery.shutdown()
    await settle()
    await stopped
    expect(sizes(got)).toEqual([1, 5])
    expect([held(), clock.pending]).toEqual([0, 0])
  })

  test('what gathered while the server was away goes out in few requests, and nothing twice', async () => {
    let up = false
    const { delivery, clock, got, telemetry } = setUp(() => (up ? delivered : down), { intervalMs: 50 })
    void delivery.start()
    for (let n = 0; n < 50; n++) {
      delivery.offer([parcel(1)])
      await clock.advance(20)
    }
    up = true
    await clock.advance(60_000)
    expect(sizes(got).reduce((sum, items) => sum + items, 0)).toBe(50)
    expect(got.length).toBeLessThan(6)
    expect(telemetry.processedItems).toBe(50)
  })

  test('with drop_oldest, room is made parcel by parcel as long as they wait', () => {
    const queue = { maxItems: 10, overflow: 'drop_oldest' } as const
    const { delivery, telemetry, held } = setUp(hang, { intervalMs: 50, queue })
    for (let n = 0; n < 4; n++) delivery.offer([parcel(3)])
    expect(telemetry.drops).toEqual(new Map([['queue_full', 3]]))
    expect(held()).toBe(9)
  })
})

test('whatever comes when: every item is delivered once, those of a lane in order, and requests keep their distance', async () => {
  const offer = fc.record({ lane: fc.constantFrom('a', 'b'), waitMs: fc.integer({ min: 0, max: 120 }) })
  await fc.assert(
    fc.asyncProperty(fc.array(offer, { maxLength: 30 }), async (offers) => {
      const began = new Map<string, number[]>()
      const rig = setUp(
        (one) => {
          const { lane = '' } = one as LaneParcel
          began.set(lane, [...(began.get(lane) ?? []), rig.clock.monotonicMs()])
          return delivered
        },
        { intervalMs: 50 },
      )
      void rig.delivery.start()
      const sent = new Map<string, number[]>()
      for (const [n, { lane, waitMs }] of offers.entries()) {
        sent.set(lane, [...(sent.get(lane) ?? []), n])
        rig.delivery.offer([{ items: 1, byteLength: 1, numbers: [n], lane }])
        await rig.clock.advance(waitMs)
      }
      await rig.clock.advance(50)
      for (const [lane, numbers] of sent) {
        const arrived = rig.got.flatMap((one) =>
          (one as LaneParcel).lane === lane ? (one as LaneParcel).numbers! : [],
        )
        expect(arrived).toEqual(numbers)
        const times = began.get(lane)!
        for (let n = 1; n < times.length; n++) expect(times[n]! - times[n - 1]!).toBeGreaterThanOrEqual(50)
      }
    }),
    { numRuns: 30 },
  )
})
