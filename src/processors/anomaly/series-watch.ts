import type { SeriesBank } from '../../lib/anomaly/series-bank.js'
import { type Finding, findingOfSeries } from './finding.js'
import { quantities } from './quantities.js'
import { Suspicion } from './suspicion.js'
import type { UnitBaseline } from './unit-baseline.js'

/** Readings of so long are one sample. */
export const kIntervalMs = 300_000
const kWeekSamples = 604_800_000 / kIntervalMs
/** An hour: before, nothing is told. */
const kFewestSamples = 12
/** Least difference from what is usual, as a power of two: a third. */
const kLeastOctaves = 0.4
/**
 * By what the logarithm of the setting is multiplied: healthy units of the ten kinds in bench/patterns/healthy.mjs, four weeks of each, are
 * then told of no more often than it says. What must go on is rarer than what is unusual for a moment.
 */
const kCalibration = 0.57
/** What the next interval has to be for a suspicion to be one, if it is not still as far away: rarer than one in 100. */
const kConfirming = 2
/** 40 minutes: what is just unusual enough must go on as long to be told of. */
const kGoesOnIntervals = 8
/** Of what is so much more surprising than it need be, by powers of ten, one more interval is enough. */
const kAtOnce = 1.5
/**
 * Three hours: while the baseline is young, nobody knows what the hours to come will bring. A job of every night is seen for the
 * first time, too.
 */
const kYoungIntervals = 36

export interface Interval {
  /** Its number. */
  readonly interval: number
  readonly endMs: number
  /** Since some local midnight, of its middle. */
  readonly localSeconds: number
  /** By how many powers of ten the bar is higher than it need be. */
  readonly raised: number
  /** It is learned, but tells nothing. */
  readonly isSilent: boolean
}

export type Judged = { readonly kind: 'unusual' } | { readonly kind: 'anomaly'; readonly finding: Finding }

const unusual: Judged = { kind: 'unusual' }

/** Judges each series of a unit once in an interval. */
export class SeriesWatch {
  readonly #baselineSamples: number
  /** -log₁₀ of how rare something must be. */
  readonly #needed: number

  constructor(baselineSamples: number, falseAlarmsPerWeek: number) {
    this.#baselineSamples = Math.max(baselineSamples, kFewestSamples)
    this.#needed = kCalibration * Math.log10((kWeekSamples * quantities.length) / falseAlarmsPerWeek)
  }

  /** Learns the value, and says what is unusual about it. */
  judge(baseline: UnitBaseline, bank: SeriesBank, series: number, value: number, at: Interval): Judged | undefined {
    const { floor } = quantities[series]!
    const samples = bank.samples(series)
    const usual = bank.usual(series, at.localSeconds)
    const lately = bank.lately(series)
    // Multiples count, not differences, but for what is next to nothing.
    const octaves = Math.log2(1 + Math.max(value, 0) / floor)
    bank.update(series, octaves, at.localSeconds)
    const suspicion = baseline.suspicions?.[series]
    if (at.isSilent || samples < kFewestSamples) {
      baseline.suspect(series, undefined)
      return undefined
    }
    const isFar = Math.abs(octaves - usual) >= kLeastOctaves && Math.abs(value - unscaled(usual, floor)) >= floor
    const isUnusual = isFar && bank.surprise >= kConfirming
    if (suspicion?.goesOn(octaves, isUnusual)) {
      if (at.interval < suspicion.untilInterval) return isUnusual ? unusual : undefined
      baseline.suspect(series, undefined)
      // Others may have been told of since.
      if (suspicion.surprise < suspicion.needed + at.raised) return unusual
      return { kind: 'anomaly', finding: this.#finding(baseline, bank, series, value, suspicion, at) }
    }
    baseline.suspect(series, undefined)
    if (!isUnusual) return undefined
    const isYoung = samples < this.#baselineSamples
    // What grows from day to day is no surprise in its first week, and has a detector of its own.
    if (samples < kWeekSamples && Math.abs(octaves - lately) < kLeastOctaves) return undefined
    // In its first hours a unit that falls idle is one that has begun with work.
    if (!isYoung || octaves > usual) this.#suspect(baseline, bank, series, octaves, usual, samples, at)
    return unusual
  }

  #suspect(
    baseline: UnitBaseline,
    bank: SeriesBank,
    series: number,
    value: number,
    usual: number,
    samples: number,
    { interval, raised }: Interval,
  ): void {
    const { surprise, leading: question } = bank
    const needed = this.#needed * this.#widened(samples) + Math.max(0, Math.log10(kWeekSamples / samples))
    if (surprise < needed + raised) return
    const untilInterval = interval + this.#wait(samples, surprise - needed)
    baseline.suspect(series, new Suspicion({ value, usual, surprise, needed, question, interval, untilInterval }))
  }

  /** Bounds are wider while the baseline is young, as an average of fewer samples is. */
  #widened(samples: number): number {
    return Math.max(1, Math.sqrt(this.#baselineSamples / samples))
  }

  /** How many intervals it must go on. */
  #wait(samples: number, beyond: number): number {
    if (samples >= this.#baselineSamples) return beyond >= kAtOnce ? 1 : kGoesOnIntervals
    // Of two states of which one was seen for half as long as the other, neither is unusual.
    return Math.max(kYoungIntervals, Math.min(2 * samples, this.#baselineSamples))
  }

  #finding(
    { run }: UnitBaseline,
    bank: SeriesBank,
    series: number,
    value: number,
    suspicion: Suspicion,
    at: Interval,
  ): Finding {
    const { surprise, needed, question, usual } = suspicion
    const quantity = quantities[series]!
    return findingOfSeries(quantity, {
      value,
      usual: unscaled(usual, quantity.floor),
      surprise,
      needed,
      question,
      samples: bank.samples(series),
      atMs: at.endMs,
      run,
    })
  }
}

function unscaled(octaves: number, floor: number): number {
  return floor * (2 ** octaves - 1)
}
