import type { Detection } from '../../lib/patterns/detector.js'
import { durationWords } from '../../lib/patterns/words.js'
import type { DayCluster, HourCluster } from './clusters.js'
import type { Following } from './followers.js'

export type Kind = 'hour_of_day' | 'day_of_week' | 'after_job'

/** What a finding says, without when and of whom. */
export type Said = Pick<Detection, 'body' | 'evidence' | 'confidence'>

const days = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const

const rounded = (value: number): number => Number(value.toPrecision(3))
/** What is less than a second in a day is no number that says anything to anybody. */
const kLeastShare = 1e-5
const percent = (share: number): string =>
  share < kLeastShare ? `less than ${100 * kLeastShare} %` : `${Number((100 * share).toPrecision(2))} %`
const seconds = (ms: number): number => Math.round(ms) / 1000

/** `02:05` of 2.0917 hours. */
function clock(hour: number): string {
  const minutes = Math.floor(hour * 60 + 1e-6)
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
}

export function hourWords(unit: string, found: HourCluster, zone: string): Said {
  const { fromHour, untilHour, count, failures, share, pValue } = found
  return {
    body:
      `${unit} fails between ${clock(fromHour)} and ${clock(untilHour)} (${zone}): ${count} of ${failures} times, ` +
      `in ${percent(share)} of the time that it runs`,
    confidence: 1 - pValue,
    evidence: {
      count,
      failures,
      from: clock(fromHour),
      until: clock(untilHour),
      mean: clock(found.meanHour),
      resultant_length: rounded(found.resultantLength),
      time_zone: zone,
      ...significance(count, failures, share, pValue),
    },
  }
}

export function dayWords(
  unit: string,
  { fromDay, untilDay, count, days: all, share, pValue }: DayCluster,
  zone: string,
): Said {
  const names = fromDay === untilDay ? [days[fromDay]!] : [days[fromDay]!, days[untilDay]!]
  return {
    body:
      `${unit} fails on ${names.map((name) => `${name}s`).join(' and ')} (${zone}): ${count} of ${all} days with failures, ` +
      `in ${percent(share)} of the time that it runs`,
    confidence: 1 - pValue,
    evidence: { count, failures: all, days: names, time_zone: zone, ...significance(count, all, share, pValue) },
  }
}

export function jobWords(unit: string, found: Following): Said {
  const { job, lagMs, jitterMs, count, failures, starts, share, pValue, jobsTried } = found
  return {
    body:
      `${unit} fails ${durationWords(lagMs)} (give or take ${durationWords(jitterMs)}) after ${job} starts: ` +
      `${count} of ${failures} failures, where chance would have ${percent(share)}`,
    confidence: 1 - pValue,
    evidence: {
      job,
      lag: seconds(lagMs),
      lag_jitter: seconds(jitterMs),
      lag_from: seconds(found.fromMs),
      lag_until: seconds(found.untilMs),
      count,
      failures,
      starts,
      jobs_tried: jobsTried,
      ...significance(count, failures, share, pValue),
    },
  }
}

function significance(count: number, failures: number, share: number, pValue: number): Detection['evidence'] {
  return { expected_share: rounded(share), lift: rounded(count / failures / share), p_value: rounded(pValue) }
}

/** What ends it: nothing that fits came for long, or failures come at other times. */
export function clearedWords(unit: string, kind: Kind, said: Said, why: 'quiet' | 'irregular'): Said {
  const when = {
    hour_of_day: 'at its hour',
    day_of_week: 'on its day',
    after_job: `after ${String(said.evidence.job)}`,
  }[kind]
  const how = why === 'quiet' ? `has not failed ${when} for long` : `does not fail ${when} any more, but at other times`
  return { body: `${unit} ${how}`, confidence: 1, evidence: { ...said.evidence, outcome: why } }
}
