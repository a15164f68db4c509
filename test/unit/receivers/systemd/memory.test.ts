import { queryObjects } from 'node:v8'
import { expect, test } from 'vitest'
import { quiet, start } from './start.js'

/** Promises alive now; counting collects the garbage first. */
const livePromises = (): number => queryObjects(Promise, { format: 'count' })

test('an hour of nothing leaves nothing behind: not one promise for each of its 2160 wake-ups', async () => {
  const { clock, source, receiver } = await start(quiet)
  await clock.advance(60_000)
  const asked = source.asked.length
  const before = livePromises()
  await clock.advance(3_600_000)
  expect(source.asked.length - asked).toBe(360) // it was awake: a ping each 10 s, beside a look for new units each 2 s
  expect(livePromises() - before).toBeLessThan(100)
  await receiver.shutdown()
})
