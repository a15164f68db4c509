import type { Detector, DetectorContext, UnitSignal } from '../../../src/lib/patterns/detector.js'
import { attr, event as names } from '../../../src/lib/systemd/names.js'
import { CrashLoopDetector } from '../../../src/processors/crash_loop/detector.js'
import { PeriodicCrashDetector } from '../../../src/processors/periodic_crash/periodic-crash.js'
import { TimePatternDetector } from '../../../src/processors/time_pattern/time-pattern.js'
import { sampleEvent, sampleResource } from '../../../src/testkit/sample.js'
import { atOnce, type Pausable } from '../../../src/util/pausable.js'
import type { Json } from '../lib/patterns/mutated.js'

export const kHourMs = 3_600_000

const kinds = { failed: names.failed, restarting: names.restarting, restarted: names.restarted, started: names.started }

/** A detector of failures without its host. */
export type Told = Detector &
  Required<Pick<Detector, 'signal' | 'elapse' | 'save' | 'restore'>> & { readonly open: number }

/** `unit` started, failed and so on at `atMs`; and before that, all that was due by then. */
export function tell(detector: Told, kind: keyof typeof kinds, atMs: number, name: string): void {
  const resource = sampleResource(name)
  const invocationId = Math.floor(atMs).toString(16).padStart(32, '0')
  const event = sampleEvent({ name: kinds[kind], resource, attributes: { [attr.unit]: name } })
  const unit = { key: resource.key, name, resource }
  const auto = kind === 'restarting' || kind === 'restarted'
  const signal: UnitSignal = { kind, unit, atMs, invocationId, auto, how: 'exit-code/1', quiet: undefined, event }
  if ((detector.dueMs ?? Number.POSITIVE_INFINITY) <= atMs) detector.elapse(atMs)
  detector.signal(signal)
}

/** Those that keep times of failures. */
export const detectors: readonly (readonly [string, (context: DetectorContext) => Told])[] = [
  [
    'crash_loop',
    (context) =>
      new CrashLoopDetector(
        { threshold: 3, windowMs: 300_000, slowMs: 12 * kHourMs, healthyMs: 300_000, maxUnits: 8 },
        context,
      ),
  ],
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

export const saved = (detector: Told): Json => {
  const { units, ...rest } = detector.save()
  return JSON.parse(JSON.stringify({ ...rest, units: [...units] })) as Json
}
export const restore = (detector: Told, state: unknown) => atOnce(detector.restore(state) as Pausable<void>)
