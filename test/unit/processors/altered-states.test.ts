import fc from 'fast-check'
import { expect, test } from 'vitest'
import { detectionEvent } from '../../../src/lib/patterns/detection-event.js'
import type { Detection, Detector, DetectorContext, UnitSignal } from '../../../src/lib/patterns/detector.js'
import { attr, event as names } from '../../../src/lib/systemd/names.js'
import { PeriodicCrashDetector } from '../../../src/processors/periodic_crash/periodic-crash.js'
import { TimePatternDetector } from '../../../src/processors/time_pattern/time-pattern.js'
import { sampleEvent, sampleResource } from '../../../src/testkit/sample.js'
import { atOnce, type Pausable } from '../../../src/util/pausable.js'
import { standAlone } from '../lib/patterns/alone.js'
import { expectPlain, type Json, mutated } from '../lib/patterns/mutated.js'

// A state file may come from anywhere. What of memory_leak, prediction, crash_loop and anomaly is held to beside their own tests,
// is held here of the detectors that keep times of failures.

const kHourMs = 3_600_000
const kDayMs = 24 * kHourMs
/** Monday, 2026-03-02 in UTC. */
const kStartMs = Date.UTC(2026, 2, 2)
const kSavedMs = kStartMs + 21 * kDayMs
const kinds = { failed: names.failed, restarting: names.restarting, restarted: names.restarted, started: names.started }

type Told = Detector & Required<Pick<Detector, 'signal' | 'elapse' | 'save' | 'restore'>> & { readonly open: number }

function tell(detector: Told, kind: keyof typeof kinds, atMs: number, name: string): void {
  const resource = sampleResource(name)
  const invocationId = Math.floor(atMs).toString(16).padStart(32, '0')
  const event = sampleEvent({ name: kinds[kind], resource, attributes: { [attr.unit]: name } })
  const unit = { key: resource.key, name, resource }
  const auto = kind === 'restarting' || kind === 'restarted'
  const signal: UnitSignal = { kind, unit, atMs, invocationId, auto, how: 'exit-code/1', quiet: undefined, event }
  if ((detector.dueMs ?? Number.POSITIVE_INFINITY) <= atMs) detector.elapse(atMs)
  detector.signal(signal)
}

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

const detectors: readonly (readonly [string, (context: DetectorContext) => Told])[] = [
  [
    'periodic_crash',
    (context) =>
      new PeriodicCrashDetector({ falseAlarmRate: 1e-4, maxJitter: 0.1, minFailures: 5, maxUnits: 8 }, context),
  ],
  [
    'time_pattern',
    (context) =>
      new TimePatternDetector(
        { timeZone: 'UTC', falseAlarmRate: 1e-4, minFailures: 5, maxLagMs: kHourMs, maxJobs: 8, maxUnits: 8 },
        context,
      ),
  ],
]

const saved = (detector: Told): Json => {
  const { units, ...rest } = detector.save()
  return JSON.parse(JSON.stringify({ ...rest, units: [...units] })) as Json
}
const restore = (detector: Told, state: unknown) => atOnce(detector.restore(state) as Pausable<void>)

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
