import { describe, expect, it } from 'vitest'
import { SweepPace } from '../../../../src/receivers/systemd/sweep-pace.js'

/** Sweeps, one after the other, of a systemd that takes so long for a unit; undefined: this sweep has none to read. */
function check(msPerUnit: readonly (number | undefined)[], next: { units: number; pauseMs: number }): void {
  const pace = new SweepPace()
  for (const ms of msPerUnit) {
    if (ms === undefined) pace.swept(0, 0)
    else pace.swept(pace.units, ms * pace.units)
  }
  expect({ units: pace.units, pauseMs: pace.pauseMs }).toEqual(next)
}

describe('how fast systemd is asked about all its units', () => {
  it.each([
    ['at first, as many as it answers at once', [], { units: 96, pauseMs: 500 }],
    ['while it is quick, the same', [1, 1, 1], { units: 96, pauseMs: 500 }],
    ['no slower than the clock can tell', [0], { units: 96, pauseMs: 500 }],
    ['where it is slow, fewer, and after a pause as long as it took', [20], { units: 25, pauseMs: 1920 }],
    ['and in half a second again', [20, 20], { units: 25, pauseMs: 500 }],
    ['where it drowns, a few, and seldom', [300], { units: 4, pauseMs: 2000 }],
    ['and not fewer, however long they take', [300, 300], { units: 4, pauseMs: 1200 }],
    ['when it is well again, twice as many each time', [300, 1, 1, 1], { units: 32, pauseMs: 500 }],
    ['up to the most', [300, 1, 1, 1, 1, 1, 1], { units: 96, pauseMs: 500 }],
    ['a sweep of none says nothing of it', [20, undefined], { units: 25, pauseMs: 500 }],
  ] as const)('%s', (_, msPerUnit, next) => check(msPerUnit, next))
})
