import { expect, test } from 'vitest'
import { LastHeard } from '../../../../src/lib/systemd/last-heard.js'
import { unloadedState } from '../../../../src/lib/systemd/unit-phase.js'

const kHourUsec = 3_600_000_000
const kNowUsec = 10 * kHourUsec

test.each<readonly [story: string, stamps: readonly number[], nowUsec: number, since: number]>([
  ['signals flowed until now', [kNowUsec - 20], kNowUsec, kNowUsec - 20],
  [
    'a process that stood still reads what was sent before, and loses the rest',
    [kNowUsec - 9e6],
    kNowUsec,
    kNowUsec - 9e6,
  ],
  ['a signal about a unit that has not changed for long', [kNowUsec - 7, kNowUsec - kHourUsec], kNowUsec, kNowUsec - 7],
  ['a host where nothing happens', [5], kNowUsec, kNowUsec - kHourUsec],
  ['nothing was ever heard', [], kNowUsec, kNowUsec - kHourUsec],
  ['the clock was set back', [kNowUsec + kHourUsec], kNowUsec, kNowUsec],
])('%s', (_story, stamps, nowUsec, since) => {
  const heard = new LastHeard()
  for (const stateChangeUsec of stamps) heard.state({ ...unloadedState, stateChangeUsec })
  heard.at(BigInt(nowUsec) * 1000n)
  expect(heard.missedSinceUsec).toBe(since)
})
