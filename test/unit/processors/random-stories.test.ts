import fc from 'fast-check'
import { expect, test } from 'vitest'
import { detectionEvent } from '../../../src/lib/patterns/detection-event.js'
import type { Detection } from '../../../src/lib/patterns/detector.js'
import { standAlone } from '../lib/patterns/alone.js'
import { expectPlain } from '../lib/patterns/mutated.js'
import { detectors, kHourMs, restore, saved, type Told, tell } from './told.js'

/** Monday, 2026-03-02 in UTC. */
const kStartMs = Date.UTC(2026, 2, 2)
const kDayMs = 24 * kHourMs

/** A time in which one unit fails at a beat, more or less; and, perhaps, a job starts before it does. */
interface Part {
  readonly unit: string
  readonly everyMs: number
  readonly count: number
  /** Of the beat, by how much the next is late, in turn; and whether it comes at all. */
  readonly late: readonly number[]
  readonly comes: readonly boolean[]
  readonly ends: 'restarted' | 'stays down' | 'restarted before it failed'
  readonly jobMs: number | undefined
  readonly thenMs: number
}

const spans = [0, 1, 100, 1000, 10_000, 60_000, 600_000, kHourMs, 7 * kHourMs, kDayMs, 7 * kDayMs]
const part: fc.Arbitrary<Part> = fc.record({
  unit: fc.constantFrom('a.service', 'b.service'),
  everyMs: fc.constantFrom(...spans),
  count: fc.integer({ min: 1, max: 24 }),
  late: fc.array(fc.constantFrom(0, 0, 0.001, 0.01, 0.1, 0.3, 1), { minLength: 1, maxLength: 5 }),
  comes: fc.array(fc.constantFrom(true, true, true, false), { minLength: 1, maxLength: 7 }),
  ends: fc.constantFrom('restarted', 'restarted', 'stays down', 'restarted before it failed'),
  jobMs: fc.constantFrom(undefined, 0, 1000, 120_000),
  thenMs: fc.constantFrom(...spans),
})

/** @returns when it is over */
function play(detector: Told, parts: readonly Part[]): number {
  let atMs = kStartMs
  for (const { unit, everyMs, count, late, comes, ends, jobMs, thenMs } of parts) {
    tell(detector, 'started', atMs, unit)
    for (let n = 0; n < count; n++) {
      atMs += everyMs
      if (!comes[n % comes.length]!) continue
      if (jobMs !== undefined) tell(detector, 'started', atMs, 'job.service')
      const failsMs = atMs + (jobMs ?? 0) + late[n % late.length]! * everyMs
      tell(detector, 'failed', failsMs, unit)
      if (ends === 'stays down') continue
      tell(detector, 'restarting', failsMs, unit)
      // Within what steady time takes for a clock that was set back.
      tell(detector, 'restarted', failsMs + (ends === 'restarted' ? 100 : -400), unit)
    }
    atMs += everyMs + thenMs
  }
  return atMs
}

test.each(detectors)(
  '%s: whatever happens, all that is told is sane, and what is kept is read back and goes on as if nothing had been',
  (type, make) => {
    const phases = { detected: 0, updated: 0, cleared: 0 }
    const check = (told: readonly Detection[]): void => {
      for (const detection of told) {
        phases[detection.phase]++
        const event = detectionEvent(type, detection, BigInt(Math.round(detection.atMs * 1000)) * 1000n)
        expectPlain(event)
        const next = event.attributes['pattern.periodic_crash.next_usec']
        if (next !== undefined) expect(Number(next)).toBeGreaterThan(detection.atMs * 1000)
      }
    }
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), fc.array(part, { maxLength: 1 }), (before, after) => {
        const told: Detection[] = []
        const first = make(standAlone(told))
        const overMs = play(first, before)
        check(told)
        const again: Detection[] = []
        const second = make(standAlone(again))
        restore(second, saved(first))
        expect(second.open).toBe(first.open)
        expect(saved(second)).toEqual(saved(first))
        play(second, after)
        for (const years of [0.1, 3, 9]) second.elapse(overMs + years * 366 * kDayMs)
        check(again)
        restore(make(standAlone()), saved(second))
      }),
      { numRuns: 100 },
    )
    for (const [phase, times] of Object.entries(phases)) expect(times, phase).toBeGreaterThan(20)
  },
)
