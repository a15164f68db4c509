import { expect, test } from 'vitest'
import { keepMemoryLow, kSettleMs } from '../../../src/service/memory-keeper.js'
import { FakeClock } from '../../../src/testkit/fake-clock.js'

const MiB = 2 ** 20
const kLookMs = 10_000

/** Whose monotonic clock goes on while something takes time. */
class BusyClock extends FakeClock {
  #tookMs = 0

  take(ms: number): void {
    this.#tookMs += ms
  }

  override monotonicMs(): number {
    return super.monotonicMs() + this.#tookMs
  }
}

/** An agent that needs 9 MiB and gathers 1 MiB of garbage between two looks; `takesMs` is what giving back takes. */
function setUp(takesMs = 1) {
  const clock = new BusyClock()
  const agent = { heap: 16 * MiB, busy: 0.01, given: 0 }
  const keeper = keepMemoryLow(clock, {
    heapUsedBytes: () => agent.heap,
    busy: () => agent.busy,
    giveBack() {
      agent.given++
      agent.heap = 9 * MiB
      clock.take(takesMs)
    },
  })
  /** Memory was given back at these looks, counted from 1. */
  const looks = async (count: number): Promise<readonly number[]> => {
    const givenAt: number[] = []
    for (let look = 1; look <= count; look++) {
      const before = agent.given
      agent.heap += MiB
      await clock.advance(kLookMs)
      if (agent.given > before) givenAt.push(look)
    }
    return givenAt
  }
  return { clock, agent, keeper, looks }
}

test('what the start leaves behind is given back once, however busy the start is', async () => {
  const { clock, agent } = setUp()
  agent.busy = 0.9
  await clock.advance(kSettleMs - 1)
  expect(agent.given).toBe(0)
  await clock.advance(1)
  expect(agent.given).toBe(1)
})

test('at rest it is given back when 2 MiB have gathered', async () => {
  const { clock, looks } = setUp()
  await clock.advance(kSettleMs)
  expect(await looks(6)).toEqual([2, 4, 6])
})

test('a busy agent is left to V8, until it rests', async () => {
  const { clock, agent, looks } = setUp()
  await clock.advance(kSettleMs)
  agent.busy = 0.2
  expect(await looks(10)).toEqual([])
  agent.busy = 0
  expect(await looks(1)).toEqual([1])
})

test('what gathers counts from the least that was held, whoever brought it there', async () => {
  const { clock, agent, looks } = setUp()
  await clock.advance(kSettleMs)
  agent.heap = 4 * MiB
  expect(await looks(4)).toEqual([3])
})

test('a large heap is given back less often: it takes a two-thousandth of the time at most', async () => {
  const { clock, looks } = setUp(30)
  await clock.advance(kSettleMs)
  expect(await looks(12)).toEqual([6, 12])
})

test('once closed it does nothing, and leaves no timer', async () => {
  for (const ms of [0, kSettleMs]) {
    const { clock, agent, keeper } = setUp()
    await clock.advance(ms)
    const { given } = agent
    keeper.close()
    expect(clock.pending).toBe(0)
    await clock.advance(10 * kLookMs)
    expect(agent.given).toBe(given)
  }
})
