import { expect, test } from 'vitest'
import { keepMemoryLow, kSettleMs } from '../../../src/service/memory-keeper.js'
import { FakeClock } from '../../../src/testkit/fake-clock.js'

const MiB = 2 ** 20
const kLookMs = 2500

/** An agent that needs 9 MiB and gathers 1 MiB of garbage between two looks; compacting takes `takesMs`. */
function setUp(takesMs = 1) {
  const clock = new FakeClock()
  const agent = { heap: 16 * MiB, busy: 0.01, compacted: 0, trimmed: 0 }
  const keeper = keepMemoryLow(clock, {
    heldBytes: () => agent.heap,
    busy: () => agent.busy,
    compact() {
      agent.compacted++
      agent.heap = 9 * MiB
      return takesMs
    },
    trim() {
      agent.trimmed++
    },
  })
  /** At which of these looks something was counted, from 1. */
  const looks = async (count: number, counter: 'compacted' | 'trimmed' = 'compacted'): Promise<readonly number[]> => {
    const at: number[] = []
    for (let look = 1; look <= count; look++) {
      const before = agent[counter]
      agent.heap += MiB
      await clock.advance(kLookMs)
      if (agent[counter] > before) at.push(look)
    }
    return at
  }
  return { clock, agent, keeper, looks }
}

test('what the start leaves behind is given back once, however busy the start is', async () => {
  const { clock, agent } = setUp()
  agent.busy = 0.9
  await clock.advance(kSettleMs - 1)
  expect(agent).toMatchObject({ compacted: 0, trimmed: 0 })
  await clock.advance(1)
  expect(agent).toMatchObject({ compacted: 1, trimmed: 1 })
})

test('at rest the heap is compacted when 2 MiB have gathered, and what that frees goes to the kernel', async () => {
  const { clock, agent, looks } = setUp()
  await clock.advance(kSettleMs)
  expect(await looks(6)).toEqual([2, 4, 6])
  expect(agent.trimmed).toBe(agent.compacted)
})

test('the heap of a busy agent is left to V8, until it rests', async () => {
  const { clock, agent, looks } = setUp()
  await clock.advance(kSettleMs)
  agent.busy = 0.05
  expect(await looks(10)).toEqual([])
  agent.busy = 0
  expect(await looks(1)).toEqual([1])
})

test('what malloc holds free goes back every 10 s, also while the agent is busy', async () => {
  const { clock, agent, looks } = setUp(0)
  await clock.advance(kSettleMs)
  agent.busy = 0.9
  expect(await looks(12, 'trimmed')).toEqual([4, 8, 12])
})

test('what gathers counts from the least that was held, whoever brought it there', async () => {
  const { clock, agent, looks } = setUp()
  await clock.advance(kSettleMs)
  agent.heap = 4 * MiB
  expect(await looks(4)).toEqual([3])
})

test('a large heap is compacted less often: it takes a two-hundredth of the time at most', async () => {
  const { clock, looks } = setUp(60)
  await clock.advance(kSettleMs)
  expect(await looks(12)).toEqual([2, 7, 12])
})

test('once closed it does nothing, and leaves no timer', async () => {
  for (const ms of [0, kSettleMs]) {
    const { clock, agent, keeper } = setUp()
    await clock.advance(ms)
    const { compacted, trimmed } = agent
    keeper.close()
    expect(clock.pending).toBe(0)
    await clock.advance(100 * kLookMs)
    expect(agent).toMatchObject({ compacted, trimmed })
  }
})
