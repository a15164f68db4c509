import type { Attributes } from '../../data/attributes.js'
import { Severity } from '../../data/event.js'
import type { Detection, DetectorContext } from '../../lib/patterns/detector.js'
import { durationWords } from '../../lib/patterns/words.js'
import type { Forecast, Outcome, Subject } from './forecast.js'

/** Nearer than this, somebody should be woken. */
const kUrgentMs = 3_600_000

export function told(phase: 'detected' | 'updated', forecast: Forecast, context: DetectorContext): Detection {
  const { unit, subject, atMs, likelyMs, earliestMs, latestMs, confidence, run } = forecast
  const [horizon, lower, upper] = [likelyMs, earliestMs, latestMs].map((ms) => Math.max(ms - atMs, 0)) as [
    number,
    number,
    number,
  ]
  return {
    phase,
    unit,
    kind: subject,
    atMs,
    confidence,
    body: `${whatHappens[subject](unit.name)} in about ${durationWords(horizon)} (${durationWords(lower)} to ${durationWords(upper)})`,
    severity: horizon < kUrgentMs && subject !== 'failure' ? Severity.error : Severity.warn,
    evidence: { ...times(forecast, context), horizon: seconds(horizon), lower: seconds(lower), upper: seconds(upper) },
    ...(run === '' ? {} : { run, runs: [run] }),
  }
}

export function cleared(forecast: Forecast, outcome: Outcome, atMs: number, context: DetectorContext): Detection {
  const { unit, subject, confidence, run } = forecast
  return {
    phase: 'cleared',
    unit,
    kind: subject,
    atMs,
    confidence,
    body: `${whatHappens[subject](unit.name)}: ${outcomes[outcome]}`,
    evidence: { ...times(forecast, context), outcome },
    ...(run === '' ? {} : { run, runs: [run] }),
  }
}

const whatHappens: Readonly<Record<Subject, (name: string) => string>> = {
  memory: (name) => `memory of ${name} will be used up`,
  tasks: (name) => `${name} will have no tasks left`,
  disk: () => 'the disk of the state directory will be full',
  failure: (name) => `${name} will fail again`,
}

const outcomes: Readonly<Record<Outcome, string>> = {
  met: 'it has, when it was due',
  early: 'it has, before it was due',
  not_met: 'it has not',
  unseen: 'nobody watched when it was due',
  withdrawn: 'no longer expected',
  stopped: 'it was stopped',
  restarted: 'it was started anew',
}

function times({ basis, likelyMs, earliestMs, latestMs, more }: Forecast, context: DetectorContext): Attributes {
  const usec = (ms: number): number => Number(context.unixNano(ms) / 1000n)
  return {
    basis,
    expected_usec: usec(likelyMs),
    lower_usec: usec(earliestMs),
    upper_usec: usec(latestMs),
    ...more,
  }
}

/** To the millisecond: more would only be noise of the arithmetic. */
function seconds(ms: number): number {
  return Math.round(ms) / 1000
}
