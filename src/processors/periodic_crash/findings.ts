import { Severity } from '../../data/event.js'
import type { Detection, DetectorContext, UnitSignal } from '../../lib/patterns/detector.js'
import { durationWords, timeWords } from '../../lib/patterns/words.js'
import type { OpenPeriod } from './open-period.js'
import type { Rhythm } from './rhythm.js'
import type { UnitFailures } from './unit-failures.js'

const usec = (context: DetectorContext, atMs: number): number => Number(context.unixNano(atMs) / 1000n)
/** Seconds to the millisecond: more would only be noise of the arithmetic. */
const seconds = (ms: number): number => Math.round(ms) / 1000

/** What `detected` and `updated` say. */
export function openFinding(
  phase: 'detected' | 'updated',
  { unit, runs }: UnitFailures,
  open: OpenPeriod,
  { atMs, invocationId, event }: UnitSignal,
  context: DetectorContext,
): Detection {
  const { period } = open
  const rhythm = from(atMs, open.rhythm)
  const every = rhythm.kind === 'clock' ? 'fails by the clock, every' : 'fails again and again, each time after'
  return {
    phase,
    unit,
    kind: rhythm.kind,
    atMs,
    confidence: (period.fitting / period.intervals) * (1 - period.pValue),
    body:
      `${unit.name} ${every} ${durationWords(rhythm.periodMs)} (give or take ${durationWords(rhythm.spreadMs)}): ` +
      `${open.failures} failures since ${timeWords(context.unixNano(open.firstMs))}, ` +
      `the next is due about ${timeWords(context.unixNano(rhythm.nextMs))}`,
    severity: Severity.warn,
    evidence: {
      ...evidenceOf(open, context),
      p_value: Number(period.pValue.toPrecision(3)),
      intervals: period.intervals,
      intervals_fitting: period.fitting,
      next_usec: usec(context, rhythm.nextMs),
      next_from_usec: usec(context, rhythm.fromMs),
      next_until_usec: usec(context, rhythm.untilMs),
    },
    run: invocationId,
    runs,
    cause: event,
  }
}

/** The same, expected next after `atMs`: what comes off the beat moves no beat, and may lie behind the one that was expected. */
function from(atMs: number, rhythm: Rhythm): Rhythm {
  const laterMs = Math.max(Math.floor((atMs - rhythm.nextMs) / rhythm.periodMs) + 1, 0) * rhythm.periodMs
  const { nextMs, fromMs, untilMs } = rhythm
  return { ...rhythm, nextMs: nextMs + laterMs, fromMs: fromMs + laterMs, untilMs: untilMs + laterMs }
}

/** @param why - nothing came for several periods, or failures came at other times */
export function clearedFinding(
  { unit, runs }: UnitFailures,
  open: OpenPeriod,
  why: 'quiet' | 'irregular',
  atMs: number,
  signal: UnitSignal | undefined,
  context: DetectorContext,
): Detection {
  const { kind, periodMs } = open.rhythm
  const how = why === 'quiet' ? 'has not failed when it was due' : 'fails at other times'
  return {
    phase: 'cleared',
    unit,
    kind,
    atMs,
    confidence: 1,
    body: `${unit.name} ${how}: it did ${open.failures} times, every ${durationWords(periodMs)}`,
    evidence: { ...evidenceOf(open, context), outcome: why },
    ...(signal === undefined ? {} : { run: signal.invocationId, cause: signal.event }),
    runs,
  }
}

function evidenceOf(open: OpenPeriod, context: DetectorContext): Detection['evidence'] {
  return {
    count: open.failures,
    period: seconds(open.rhythm.periodMs),
    jitter: seconds(open.rhythm.spreadMs),
    first_usec: usec(context, open.firstMs),
    last_usec: usec(context, open.lastMs),
  }
}
