import type { SeriesBank } from '../../lib/anomaly/series-bank.js'
import type { SeriesTogether } from '../../lib/anomaly/series-together.js'
import { type Finding, findingOfSeries } from './finding.js'
import { isFar, kLatelySeconds, kLeastOctaves, kWeekSamples, type Look, mayBeAnotherDay, unscaled } from './look.js'
import { quantities } from './quantities.js'
import { type Reason, Suspicion } from './suspicion.js'
import type { UnitBaseline } from './unit-baseline.js'

/** Each series by itself, and all of them together. */
const kTests = quantities.length + 1
/** An hour: before, nothing is told. */
const kFewestSamples = 12
/**
 * By what the logarithm of the share of the setting is multiplied: healthy units of the ten kinds in bench/patterns/healthy.mjs, four weeks of each, are
 * then told of no more often than it says. What must go on is rarer than what is unusual for a moment.
 */
const kCalibration = 0.546
/** What the next interval has to be for a suspicion to be one, if it is not still as far away: rarer than one in 100. */
const kConfirming = 2
/** 40 minutes: what is just unusual enough must go on as long to be told of. */
const kGoesOnIntervals = 8
/** Of what is so much more surprising than it need be, by powers of ten, one more interval is enough. */
const kAtOnce = 1.5
/** The same at the beginning of the second baseline_period, besides: two hours in all. */
const kSecondDayIntervals = 16
/**
 * Six hours: while the baseline is young, nobody knows what the hours to come will bring. A job of every night is seen for the
 * first time, too.
 */
const kYoungIntervals = 72

export interface Interval {
  /** Its number. */
  readonly interval: number
  readonly endMs: number
  /** Since 1970 by local clocks, of its middle. */
  readonly localSeconds: number
  /** By how many powers of ten the bar is higher than it need be. */
  readonly raised: number
  /** It is learned, but tells nothing. */
  readonly isSilent: boolean
}

/** What is unusual about an interval, and what is to be told of it; nothing yet, where it must go on first or is told of already. */
export interface Judged {
  readonly kind: string
  readonly finding?: Finding
}

const nothing: readonly Judged[] = []
/** The interval of the unit that is judged; the same room for all. */
const octavesOf = new Float64Array(quantities.length)
const deviations = new Float64Array(quantities.length)
const ofWeekOf = new Float64Array(quantities.length)

/** An answer: how surprising, and against what. */
interface Answer {
  readonly surprise: number
  readonly reason: Reason
  readonly against: number
}

/** Judges each series of a unit once in an interval. */
export class SeriesWatch {
  readonly #baselineSamples: number
  /** -log₁₀ of how rare something must be. */
  readonly #needed: number

  constructor(baselineSamples: number, falseAlarmsPerWeek: number) {
    this.#baselineSamples = Math.max(baselineSamples, kFewestSamples)
    this.#needed = kCalibration * Math.log10((kWeekSamples * kTests) / falseAlarmsPerWeek)
  }

  /** Learns what the interval was like, and says what is unusual about it, the most surprising first. */
  judge(baseline: UnitBaseline, at: Interval): readonly Judged[] {
    const bank = baseline.bank()
    const together = baseline.together()
    const weeks = baseline.weeks()
    for (let series = 0; series < quantities.length; series++) {
      const value = baseline.means.mean(series)
      // Multiples count, not differences, but for what is next to nothing.
      octavesOf[series] = Math.log2(1 + Math.max(value, 0) / quantities[series]!.floor)
      ofWeekOf[series] = weeks.more(series, at.localSeconds)
      deviations[series] =
        bank.samples(series) === 0 ? Number.NaN : octavesOf[series]! - ofWeekOf[series]! - bank.level(series)
    }
    together.update(deviations)
    const apart = this.#apart(bank, together, at)
    let judged: Judged[] | undefined
    for (let series = 0; series < quantities.length; series++) {
      const octaves = octavesOf[series]!
      // Nobody has seen whether it goes on.
      if (Number.isNaN(octaves)) continue
      const look: Look = {
        series,
        value: Math.max(baseline.means.mean(series), 0),
        octaves: octaves - ofWeekOf[series]!,
        ofWeek: ofWeekOf[series]!,
        samples: bank.samples(series),
        usual: bank.usual(series, at.localSeconds),
        expected: bank.level(series) + together.expected(series),
        lately: bank.lately(series),
        earlier: bank.usual(series, at.localSeconds - kLatelySeconds / 2),
      }
      if (weeks.update(series, octaves, at.localSeconds)) bank.forgetTimeOfDay(series)
      bank.update(series, look.octaves, at.localSeconds)
      const needed = this.#neededAfter(look.samples)
      const answer = this.#answer(bank, series === apart ? together : undefined, look, needed)
      const one = this.#judge(baseline, look, answer, needed, at)
      if (one !== undefined) judged = [...(judged ?? nothing), one]
    }
    return judged?.sort((a, b) => (b.finding?.surprise ?? 0) - (a.finding?.surprise ?? 0)) ?? nothing
  }

  /** Of series that contradict each other, the one that is furthest from where it usually is; -1 for none. */
  #apart(bank: SeriesBank, together: SeriesTogether, { localSeconds }: Interval): number {
    let found = -1
    let furthest = -1
    for (let series = 0; series < quantities.length; series++) {
      if (!together.isApart(series)) continue
      const away = Math.abs(octavesOf[series]! - ofWeekOf[series]! - bank.usual(series, localSeconds))
      if (!(away > furthest)) continue
      found = series
      furthest = away
    }
    return found
  }

  /** What is far enough away to matter: from its own past, and where that does not explain enough, from what the others say. */
  #answer(bank: SeriesBank, together: SeriesTogether | undefined, look: Look, needed: number): Answer | undefined {
    const { samples, usual, expected } = look
    const own: Answer | undefined = isFar(look, usual)
      ? { surprise: bank.surprise, reason: bank.leading, against: usual }
      : undefined
    if (together === undefined || samples < this.#baselineSamples) return own
    const least = own?.surprise ?? 0
    if (least >= needed || together.surprise <= least || !isFar(look, expected)) return own
    return { surprise: together.surprise, reason: 'apart', against: expected }
  }

  #judge(
    baseline: UnitBaseline,
    look: Look,
    answer: Answer | undefined,
    needed: number,
    at: Interval,
  ): Judged | undefined {
    const { series, octaves, samples, lately, expected } = look
    const suspicion = baseline.suspicions?.[series]
    if (at.isSilent || samples < kFewestSamples) {
      baseline.suspect(series, undefined)
      return undefined
    }
    const unusual: Judged = { kind: quantities[series]!.kind }
    const isUnusual = answer !== undefined && answer.surprise >= kConfirming
    const away = octaves - (suspicion?.reason === 'apart' ? expected : (suspicion?.usual ?? 0))
    if (suspicion?.goesOn(at.interval, away, isUnusual)) {
      if (at.interval < suspicion.untilInterval) return isUnusual ? unusual : undefined
      baseline.suspect(series, undefined)
      // Others may have been told of since.
      if (suspicion.surprise < suspicion.needed + at.raised) return unusual
      return { kind: unusual.kind, finding: findingOf(baseline, look, suspicion, at) }
    }
    baseline.suspect(series, undefined)
    if (!isUnusual) return undefined
    // What grows from day to day is no surprise in its first week, and has a detector of its own.
    if (samples < kWeekSamples && Math.abs(octaves - lately) < kLeastOctaves) return undefined
    if (!mayBeAnotherDay(look, octaves <= answer.against, this.#baselineSamples, at.localSeconds))
      this.#suspect(baseline, look, answer, needed, at)
    return unusual
  }

  #suspect(
    baseline: UnitBaseline,
    { series, octaves, samples }: Look,
    { surprise, reason, against }: Answer,
    needed: number,
    { interval, raised }: Interval,
  ): void {
    if (surprise < needed + raised) return
    const wait = this.#wait(samples, surprise - needed)
    const until = { isLong: wait > 1, untilInterval: interval + wait, seenInterval: interval }
    baseline.suspect(
      series,
      new Suspicion({ away: octaves - against, usual: against, surprise, needed, reason, ...until }),
    )
  }

  /** Bounds are wider while the baseline is young, as an average of fewer samples is; and what is rare in a week is not known in a day. */
  #neededAfter(samples: number): number {
    const widened = Math.max(1, Math.sqrt(this.#baselineSamples / samples))
    return this.#needed * widened + Math.max(0, Math.log10(kWeekSamples / samples))
  }

  /** How many intervals it must go on. */
  #wait(samples: number, beyond: number): number {
    const isKnownFor = samples / this.#baselineSamples
    if (isKnownFor >= 2) return beyond >= kAtOnce ? 1 : kGoesOnIntervals
    // What was seen on one day is no rule yet.
    if (isKnownFor >= 1) return Math.round(kGoesOnIntervals + kSecondDayIntervals * (2 - isKnownFor))
    // Of two states of which one was seen for half as long as the other, neither is unusual.
    return Math.max(kYoungIntervals, Math.min(2 * samples, this.#baselineSamples))
  }
}

function findingOf(
  { run }: UnitBaseline,
  { series, value, samples, expected, ofWeek }: Look,
  { surprise, needed, reason, usual }: Suspicion,
  { endMs: atMs }: Interval,
): Finding {
  const quantity = quantities[series]!
  const against = unscaled((reason === 'apart' ? expected : usual) + ofWeek, quantity.floor)
  return findingOfSeries(quantity, {
    value,
    usual: against,
    surprise,
    needed,
    reason,
    samples,
    atMs,
    run,
    isWeekly: Math.abs(ofWeek) >= kLeastOctaves / 2,
  })
}
