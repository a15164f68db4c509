import { expect, test } from 'vitest'
import type { RawEvent } from '../../../../src/data/event.js'
import { attr } from '../../../../src/lib/systemd/names.js'
import { kDay, kHour, kStartS, story } from './story.js'

const usec = (atS: number): number => (kStartS + atS) * 1e6
const up = (atS: number) => ({ [attr.inactiveExitUsec]: usec(atS), [attr.activeEnterUsec]: usec(atS + 2) })
const down = (atS: number, tookS = 2) => ({
  [attr.activeExitUsec]: usec(atS - tookS),
  [attr.inactiveEnterUsec]: usec(atS),
})

/** Up for twelve hours of each of twenty days. */
async function twentyDays() {
  const told = await story()
  for (let atS = 0; atS < 20 * kDay; atS += kDay) {
    await told.tell('started', atS, up(atS))
    await told.tell('stopped', atS + 12 * kHour, { ...up(atS), ...down(atS + 12 * kHour, 2 + (atS % 7) / 10) })
  }
  return told
}

/** As systemd leaves them: a start that failed stamps neither ActiveEnter nor ActiveExit. */
const failedStart: RawEvent['attributes'] = {
  ...up(19 * kDay),
  ...down(19 * kDay + 12 * kHour),
  [attr.inactiveExitUsec]: usec(20 * kDay),
  [attr.inactiveEnterUsec]: usec(20 * kDay + 1),
  [attr.result]: 'exit-code',
}

test('a start that fails is no stop that took as long as the unit was down', async () => {
  const { tell, found } = await twentyDays()
  await tell('failed', 20 * kDay + 1, failedStart)
  // It waits for its restart: what began last is that.
  const waits = { [attr.inactiveExitUsec]: usec(20 * kDay + 1), [attr.restartCause]: 'auto' }
  await tell('restarting', 20 * kDay + 1, { ...failedStart, ...waits })
  expect(found().map(({ body }) => body)).toEqual([])
})

test('a stop that took long is told of, once', async () => {
  const { tell, found } = await twentyDays()
  const ends = { ...up(20 * kDay), ...down(20 * kDay + 12 * kHour, 90), [attr.result]: 'timeout' }
  await tell('started', 20 * kDay, up(20 * kDay))
  await tell('failed', 20 * kDay + 12 * kHour, ends)
  await tell('restarting', 20 * kDay + 12 * kHour, { ...ends, [attr.restartCause]: 'auto' })
  expect(found().map(({ body }) => body)).toEqual([
    expect.stringMatching(/^web\.service: the stop took 90 s, usually 2/),
  ])
})

test('waiting for three things at once is no share of the time, which has but 100 %', async () => {
  const { live, found } = await story()
  await live(0, 5 * kDay, (atS) => ({ waits: atS < 4 * kDay ? 0.03 : 2.4 }))
  expect(found()[0]!.body).toContain(
    'time spent waiting for CPU, memory and I/O is 2.4 s in each second, usually about 0.03 s in each second',
  )
})
