import { describe, expect, test } from 'vitest'
import { findPeriod } from '../../../../src/lib/statistics/periodicity.js'
import { type Rhythm, rhythmOf } from '../../../../src/processors/periodic_crash/rhythm.js'
import { randomOf } from '../../lib/statistics/near.js'

const kHourMs = 3_600_000
const kStartMs = 1_790_000_000_000

interface Try {
  readonly rhythm: Rhythm
  readonly nextMs: number
}

/** Failures each hour, by a clock or each after the one before, and the one that came then. */
function tries(how: 'clock' | 'interval', count: number, jitter: number, rounds: number): readonly Try[] {
  const random = randomOf(31)
  const off = () => jitter * kHourMs * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  return Array.from({ length: rounds }, () => {
    let at = kStartMs
    const times = Float64Array.from({ length: count + 1 }, () => {
      at += kHourMs + (how === 'interval' ? off() : 0)
      return at + (how === 'clock' ? off() : 0)
    })
    const known = times.subarray(0, count)
    return { rhythm: rhythmOf(known, findPeriod(known)!), nextMs: times[count]! }
  })
}

const share = (all: readonly Try[], holds: (one: Try) => boolean): number => all.filter(holds).length / all.length

describe.each(['clock', 'interval'] as const)('failures by %s', (how) => {
  test.each([
    [8, 0.02],
    [12, 0.03],
    [30, 0.05],
  ])('%d of them, jitter %d: nine of ten and more come when they are foretold', (count, jitter) => {
    const all = tries(how, count, jitter, 400)
    const foretold = share(all, ({ rhythm, nextMs }) => nextMs >= rhythm.fromMs && nextMs <= rhythm.untilMs)
    expect(foretold).toBeGreaterThan(0.9)
    // And no wider than that needs: five deviations of an interval, at most.
    const widest = 5 * (how === 'clock' ? Math.SQRT2 : 1) * jitter * kHourMs
    expect(share(all, ({ rhythm }) => rhythm.untilMs - rhythm.fromMs < widest)).toBeGreaterThan(0.4)
  })

  test('are told from each other once there are enough', () => {
    const isClock = share(tries(how, 40, 0.03, 200), ({ rhythm }) => rhythm.kind === 'clock')
    if (how === 'clock') expect(isClock).toBeGreaterThan(0.7)
    else expect(isClock).toBeLessThan(0.05)
    // With fewer the safe answer is that each follows the one before: it holds for both.
    expect(share(tries(how, 8, 0.03, 50), ({ rhythm }) => rhythm.kind === 'interval')).toBe(1)
  })
})

test('the period of a clock is known more exactly than its jitter', () => {
  for (const { rhythm } of tries('clock', 40, 0.05, 50).filter((one) => one.rhythm.kind === 'clock'))
    expect(Math.abs(rhythm.periodMs / kHourMs - 1)).toBeLessThan(0.01)
})
