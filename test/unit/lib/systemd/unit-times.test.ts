import { expect, test } from 'vitest'
import { type StopStamps, stopUsec } from '../../../../src/lib/systemd/unit-times.js'

const kHour = 3600

/** Seconds at which the last start, main process and stop began, and at which it was down; and how long the stop took. */
const cases: readonly [what: string, stamps: readonly [number, number, number, number], tookS: number | undefined][] = [
  ['a stop', [100, 100, 200, 203], 3],
  ['one of a unit that is up again', [300, 300, 200, 203], 3],
  ['one of a unit that waits for its restart', [203, 100, 200, 203], 3],
  ['one at once', [100, 100, 200, 200], 0],
  ['one that has not ended', [100, 100, 200, 0], undefined],
  ['a unit that never was up', [100, 100, 0, 103], undefined],
  ['a start that failed before its process began, long after a stop', [kHour, 100, 200, kHour + 1], undefined],
  ['one whose process began', [kHour, kHour, 200, kHour + 1], undefined],
  ['the same while it waits for its restart', [kHour + 1, kHour, 200, kHour + 1], undefined],
  ['nothing known', [Number.NaN, Number.NaN, Number.NaN, Number.NaN], undefined],
]

test.each(cases)('%s', (_what, [began, main, left, down], tookS) => {
  const usec = (s: number): number => s * 1e6
  const stamps: StopStamps = {
    inactiveExitUsec: usec(began),
    execMainStartUsec: usec(main),
    activeExitUsec: usec(left),
    inactiveEnterUsec: usec(down),
  }
  expect(stopUsec(stamps)).toBe(tookS === undefined ? undefined : usec(tookS))
})
