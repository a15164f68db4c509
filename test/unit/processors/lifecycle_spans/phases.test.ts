import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Phases, phasesOf, type RunMarks } from '../../../../src/processors/lifecycle_spans/phases.js'

const none: RunMarks = {
  inactiveExit: 0,
  activeEnter: 0,
  activeExit: 0,
  inactiveEnter: 0,
  mainStart: 0,
  mainExit: 0,
  seenInactiveExit: 0,
  seenActiveEnter: 0,
  over: true,
  waiting: false,
  ended: 0,
  told: 0,
}

describe('phases of a run', () => {
  test.each<[string, Partial<RunMarks>, Phases]>([
    [
      'an ordinary life',
      { inactiveExit: 10, activeEnter: 20, activeExit: 80, inactiveEnter: 90, mainStart: 11, mainExit: 89 },
      { whole: [10, 90], start: [10, 20], running: [20, 80], stop: [80, 90] },
    ],
    [
      'Type=simple, killed: active at once, down at once',
      { inactiveExit: 10, activeEnter: 10, activeExit: 90, inactiveEnter: 90 },
      { whole: [10, 90], running: [10, 90] },
    ],
    [
      'a start that failed, with the times of the run before still there',
      { inactiveExit: 100, activeEnter: 20, activeExit: 80, inactiveEnter: 130 },
      { whole: [100, 130], start: [100, 130] },
    ],
    ['a oneshot is never active', { inactiveExit: 100, inactiveEnter: 130 }, { whole: [100, 130], start: [100, 130] }],
    [
      'waiting for its restart: InactiveExit is of the next cycle, the start was seen',
      {
        waiting: true,
        inactiveExit: 95,
        activeEnter: 20,
        activeExit: 90,
        inactiveEnter: 90,
        seenInactiveExit: 10,
        seenActiveEnter: 20,
      },
      { whole: [10, 90], start: [10, 20], running: [20, 90] },
    ],
    [
      'the same, the start was not seen: the main process tells',
      { waiting: true, inactiveExit: 95, activeEnter: 12, activeExit: 90, inactiveEnter: 90, mainStart: 11 },
      { whole: [11, 90], start: [11, 12], running: [12, 90] },
    ],
    [
      'the same, and ActiveEnter is of an earlier run: it is not believed',
      { waiting: true, inactiveExit: 95, activeEnter: 5, activeExit: 7, inactiveEnter: 90, mainStart: 11 },
      { whole: [11, 90], start: [11, 90] },
    ],
    [
      'ended unseen: the state is still that of the run, InactiveEnter of the one before',
      { inactiveExit: 50, activeEnter: 55, inactiveEnter: 40, over: false, told: 99 },
      { whole: [50, 99], start: [50, 55], running: [55, 99] },
    ],
    [
      'ended unseen, the process is known to be gone',
      { inactiveExit: 50, activeEnter: 50, mainExit: 70, over: false, told: 99 },
      { whole: [50, 70], running: [50, 70] },
    ],
    [
      'ended unseen, systemd says when',
      { inactiveExit: 50, activeEnter: 55, inactiveEnter: 40, over: false, ended: 80, told: 80 },
      { whole: [50, 80], start: [50, 55], running: [55, 80] },
    ],
    [
      'ended unseen after its command had: a unit that remains after exit',
      { inactiveExit: 50, activeEnter: 61, mainStart: 51, mainExit: 60, over: false, told: 99 },
      { whole: [50, 99], start: [50, 61], running: [61, 99] },
    ],
    [
      'unloaded unseen: InactiveEnter is of the run before',
      { inactiveExit: 50, activeEnter: 55, inactiveEnter: 40, told: 99 },
      { whole: [50, 99], start: [50, 55], running: [55, 99] },
    ],
    [
      'the same, and only the main process tells that it began after that',
      { mainStart: 51, inactiveEnter: 40, told: 99 },
      { whole: [51, 99], start: [51, 99] },
    ],
    ['nothing is known', { told: 99 }, { whole: [99, 99] }],
    ['only its end is known', { inactiveEnter: 90 }, { whole: [90, 90] }],
    [
      'a clock set back in between',
      { seenInactiveExit: 1000, seenActiveEnter: 1000, inactiveExit: 1000, inactiveEnter: 500, told: 500 },
      { whole: [1000, 1000], running: [1000, 1000] },
    ],
  ])('%s', (_, marks, expected) => {
    expect(phasesOf({ ...none, ...marks })).toEqual(expected)
  })

  test('whatever the timestamps: in order, touching, inside the whole, never negative', () => {
    const usec = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 30 }))
    const marks: fc.Arbitrary<RunMarks> = fc.record({
      inactiveExit: usec,
      activeEnter: usec,
      activeExit: usec,
      inactiveEnter: usec,
      mainStart: usec,
      mainExit: usec,
      seenInactiveExit: usec,
      seenActiveEnter: usec,
      over: fc.boolean(),
      waiting: fc.boolean(),
      ended: usec,
      told: usec,
    })
    fc.assert(
      fc.property(marks, (some) => {
        const { whole, start, running, stop } = phasesOf(some)
        const parts = [start, running, stop].filter((part) => part !== undefined)
        expect(whole[0]).toBeLessThanOrEqual(whole[1])
        let at = whole[0]
        for (const [from, to] of parts) {
          expect(from).toBe(at)
          expect(to).toBeGreaterThanOrEqual(from)
          at = to
        }
        if (parts.length > 0) expect(at).toBe(whole[1])
      }),
      { numRuns: 2000 },
    )
  })
})
