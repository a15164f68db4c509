import type { RawEvent } from '../../data/event.js'
import type { Detection, Unit } from '../../lib/patterns/detector.js'
import type { Unusual } from './few-values.js'
import type { Occasion } from './occasions.js'
import { digits, kMemory, type Quantity, quantities } from './quantities.js'
import type { UnusualRate } from './restart-rate.js'
import type { Reason } from './suspicion.js'

/** Half an hour as usual: it is over. */
export const kSeriesHoldMs = 1_800_000
/** Failures of the last two hours are counted, and starts are days apart. */
const kRateHoldMs = 7_200_000
const kOccasionHoldMs = 3_600_000
/** Of all of these. */
export const kMostHoldMs = kRateHoldMs
const kMostConfidence = 0.999
/** That what is over is over: it has been as usual for as long as it is held, no more is known. */
const kOverConfidence = 0.9

/** What is told of, but for whether it is new. */
export interface Finding {
  readonly kind: string
  readonly surprise: number
  readonly holdMs: number
  readonly detection: Omit<Detection, 'phase' | 'unit' | 'kind'>
}

interface Origin {
  readonly atMs: number
  readonly run: string
  readonly event?: RawEvent
}

const asked: Readonly<Record<Reason, string>> = {
  value: 'away from its level, at a time of day at which it was not seen like this',
  run: 'for several intervals away from its level, at a time of day at which it was not seen like this',
  time_of_day: 'not as usual at this time of day',
  level: 'on another level than before',
  turbulence: 'jumping more than before',
  apart: 'it does not go with what else the unit does, as it did',
}

/** A finding that has been told of and is not over. */
export interface Open {
  readonly unit: Unit
  readonly kind: string
  sinceMs: number
  /** When it is over, if nothing of it is seen before. */
  untilMs: number
  /** Of what else has been told meanwhile. */
  readonly kinds: Set<string>
}

export function findingOfSeries(
  { kind, title, format }: Quantity,
  about: Origin & {
    readonly value: number
    readonly usual: number
    readonly surprise: number
    readonly needed: number
    readonly reason: Reason
    readonly samples: number
    /** What is usual is that of the day of the week. */
    readonly isWeekly: boolean
  },
): Finding {
  const { value, usual, surprise, needed, reason, samples, isWeekly, atMs, run } = about
  const when = reason === 'apart' ? 'beside the rest' : `at this time of ${isWeekly ? 'the week' : 'day'}`
  return {
    kind,
    surprise,
    holdMs: kSeriesHoldMs,
    detection: {
      atMs,
      confidence: confidence(surprise - needed),
      body: `${title} is ${format(value)}, usually about ${format(usual)} ${when}: ${asked[reason]}`,
      evidence: { value, baseline: usual, surprise, needed, question: reason, samples, p_value: 10 ** -surprise },
      ...(run === '' ? {} : { run, runs: [run] }),
    },
  }
}

export function findingOfRate(
  { count, hours, expected, p }: UnusualRate,
  { atMs, run, rarest, event }: Origin & { readonly rarest: number },
): Finding {
  return {
    kind: 'restart_rate',
    surprise: -Math.log10(p),
    holdMs: kRateHoldMs,
    detection: {
      atMs,
      confidence: confidence(Math.log10(rarest / p)),
      body: `${count} runs have failed, or were begun anew, within ${hours} hours: ${usualRate((expected * 24) / hours)}`,
      evidence: { count, duration: hours * 3600, baseline: expected, p_value: p },
      ...(run === '' ? {} : { run, runs: [run] }),
      ...(event === undefined ? {} : { cause: event }),
    },
  }
}

function usualRate(perDay: number): string {
  return perDay < 1 ? 'usual is less than one a day' : `usual are about ${digits(perDay)} a day`
}

const did: Readonly<Record<Occasion, string>> = {
  start_duration: 'the start took',
  stop_duration: 'the stop took',
  memory_at_exit: 'memory at the end of the run was',
}

export function findingOfOccasion(
  what: Occasion,
  value: number,
  { usual, surprise, needed, samples }: Unusual,
  { atMs, run, event }: Origin,
): Finding {
  const format = what === 'memory_at_exit' ? quantities[kMemory]!.format : (one: number) => `${digits(one)} s`
  return {
    kind: what,
    surprise,
    holdMs: kOccasionHoldMs,
    detection: {
      atMs,
      confidence: confidence(surprise - needed),
      body: `${did[what]} ${format(value)}, usually ${format(usual)}`,
      evidence: { value, baseline: usual, surprise, needed, samples, p_value: 10 ** -surprise },
      ...(run === '' ? {} : { run, runs: [run] }),
      ...(event === undefined ? {} : { cause: event }),
    },
  }
}

export function clearedOf({ unit, kind, sinceMs, untilMs, kinds }: Open): Detection {
  return {
    phase: 'cleared',
    unit,
    kind,
    atMs: untilMs,
    confidence: kOverConfidence,
    body: `${unit.name}: ${[...kinds].join(', ')} not unusual any more; as it was before, or usual by now`,
    evidence: { duration: (untilMs - sinceMs) / 1000, kinds: [...kinds] },
  }
}

/** 0.9 where it is just enough, and for each power of ten beyond a nine more. */
function confidence(beyond: number): number {
  return Math.min(1 - 10 ** -(Math.max(beyond, 0) + 1), kMostConfidence)
}
