import fc from 'fast-check'
import { expect, test } from 'vitest'
import { detectionEvent } from '../../../src/lib/patterns/detection-event.js'
import type { Detection } from '../../../src/lib/patterns/detector.js'
import { standAlone } from '../lib/patterns/alone.js'
import { expectPlain, type Json, mutated } from '../lib/patterns/mutated.js'
import { detectors as all, kHourMs, restore, saved, type Told, tell } from './told.js'

// A state file may come from anywhere. What of memory_leak, prediction, crash_loop and anomaly is held to beside their own tests,
// is held here of the detectors that keep times of failures.

const kDayMs = 24 * kHourMs
/** Monday, 2026-03-02 in UTC. */
const kStartMs = Date.UTC(2026, 2, 2)
const kSavedMs = kStartMs + 21 * kDayMs
/** Fails each night within an hour after a job, and runs all the time otherwise. */
function live(detector: Told, fromMs: number, untilMs: number): void {
  for (let dayMs = fromMs; dayMs < untilMs; dayMs += kDayMs) {
    const failsMs = dayMs + 3 * kHourMs + 420_000 + ((dayMs / kDayMs) % 7) * 1000
    tell(detector, 'started', dayMs + 3 * kHourMs, 'dump.service')
    tell(detector, 'failed', failsMs, 'web.service')
    tell(detector, 'restarting', failsMs, 'web.service')
    tell(detector, 'restarted', failsMs + 100, 'web.service')
  }
}

/** What of crash_loop is held to stands beside its own tests. */
const detectors = all.filter(([type]) => type !== 'crash_loop')

test.each(detectors)('%s: what was saved is read back, and saved again the same', (_type, make) => {
  const first = make(standAlone())
  live(first, kStartMs, kSavedMs)
  expect(first.open).toBeGreaterThan(0)
  const second = make(standAlone())
  restore(second, saved(first))
  expect(second.open).toBe(first.open)
  expect(saved(second)).toEqual(saved(first))
})

test.each(detectors)(
  '%s: a clock that was set while the first agent ran stretches nothing for the second',
  (_type, make) => {
    // What clocks showed before the tenth day was an hour less.
    const setMs = kStartMs + 10 * kDayMs
    const first = make({
      ...standAlone(),
      unixNano: (atMs) => BigInt(Math.round((atMs < setMs ? atMs - kHourMs : atMs) * 1000)) * 1000n,
    })
    live(first, kStartMs, kSavedMs)
    const untroubled = make(standAlone())
    live(untroubled, kStartMs, kSavedMs)
    const timesOf = (detector: Told) =>
      (saved(detector) as unknown as { units: { times?: number[]; failures?: number[] }[] }).units.map(
        ({ times, failures }) => times ?? failures,
      )
    expect(timesOf(first)).toEqual(timesOf(untroubled))
  },
)

/** The same with every time so much later. */
const later = (state: Json, usec: number): Json => {
  if (typeof state === 'number') return state > 1e15 ? state + usec : state
  if (typeof state !== 'object' || state === null) return state
  if (Array.isArray(state)) return state.map((one) => later(one, usec))
  return Object.fromEntries(Object.entries(state).map(([key, one]) => [key, later(one, usec)]))
}

test.each(detectors)('%s: what was kept by an agent whose clock was 60 years ahead ends as ever', (_type, make) => {
  const first = make(standAlone())
  live(first, kStartMs, kSavedMs)
  const told: Detection[] = []
  const second = make(standAlone(told))
  restore(second, later(saved(first), 60 * 366 * kDayMs * 1000))
  expect(second.open).toBe(first.open)
  for (let day = 0; day < 366; day++) tell(second, 'started', kSavedMs + day * kDayMs, 'other.service')
  expect([second.open, told.length]).toEqual([0, first.open])
})

test.each(detectors)(
  '%s: whatever is changed in it, it is refused whole, or all that is told, and saved, is sane',
  (type, make) => {
    const first = make(standAlone())
    live(first, kStartMs, kSavedMs)
    const good = saved(first)
    let [refused, taken] = [0, 0]
    fc.assert(
      fc.property(mutated(good), (state) => {
        const told: Detection[] = []
        const one = make(standAlone(told))
        try {
          restore(one, state)
        } catch {
          refused++
          expect([one.open, [...one.save().units].length]).toEqual([0, 0])
          return
        }
        taken++
        live(one, kSavedMs, kSavedMs + 3 * kDayMs)
        tell(one, 'failed', kSavedMs + 4 * kDayMs, 'web.service')
        // Nothing that is open outlives so many years of silence.
        for (const years of [0.1, 7, 42]) one.elapse(kSavedMs + years * 366 * kDayMs)
        expect(one.open).toBe(0)
        for (const detection of told)
          expectPlain(detectionEvent(type, detection, BigInt(Math.round(detection.atMs * 1000)) * 1000n))
        restore(make(standAlone()), saved(one))
      }),
      { numRuns: 400 },
    )
    expect(Math.min(refused, taken)).toBeGreaterThan(5)
  },
)
