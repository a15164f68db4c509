import type { Attributes } from '../../data/attributes.js'
import { Severity } from '../../data/event.js'
import type { Ending, Growing } from '../../lib/growth/growing.js'
import { bytesInWords, rateInWords, shortNumber } from '../../lib/growth/words.js'
import type { Detection, DetectorContext, Unit } from '../../lib/patterns/detector.js'
import { durationWords } from '../../lib/patterns/words.js'

/** What grows. */
export type Quantity = 'memory' | 'tasks'
/** Which limit is met first. */
export type LimitKind = 'max' | 'high' | 'slice' | 'host'

export interface Finding {
  readonly unit: Unit
  readonly quantity: Quantity
  readonly growing: Growing
  readonly limitKind: LimitKind
  /** Trace ID. */
  readonly run: string
}

const amounts: Readonly<Record<Quantity, (amount: number) => string>> = {
  memory: bytesInWords,
  tasks: (amount) => `${shortNumber(amount)} tasks`,
}
/** A rate of bytes is told in MiB, not in bytes per second. */
const leastRate: Readonly<Record<Quantity, number>> = { memory: 2 ** 20, tasks: 1 }

const endings: Readonly<Record<Ending, string>> = {
  stopped_growing: 'no longer grows',
  freed: 'was given back',
  stopped: 'was given back: it is down',
  gone: 'is no longer measured: the unit is gone',
}

const limits: Readonly<Record<LimitKind, string>> = {
  max: 'its limit of',
  high: 'MemoryHigh= of',
  slice: "its slice's limit of",
  host: "the machine's",
}

export function detectionOf({ unit, quantity, growing, limitKind, run }: Finding, context: DetectorContext): Detection {
  const { phase, atMs, confidence, reason, earlier } = growing
  return {
    phase,
    unit,
    kind: quantity,
    atMs,
    confidence,
    body: phase === 'cleared' ? endInWords(unit, quantity, growing) : inWords(unit, quantity, growing, limitKind),
    ...(phase !== 'cleared' && reason === 'near_limit' ? { severity: Severity.error } : {}),
    evidence: evidenceOf(growing, limitKind, context),
    run,
    runs: [...earlier, run].filter((id) => id !== ''),
  }
}

function inWords(unit: Unit, quantity: Quantity, growing: Growing, limitKind: LimitKind): string {
  const { slope, durationMs, baseline, current, limit, toLimit, earlier } = growing
  const amount = amounts[quantity]
  const what = quantity === 'memory' ? `memory of ${unit.name} has` : `tasks of ${unit.name} have`
  const rate = rateInWords(slope, amount, leastRate[quantity])
  const again = earlier.length === 0 ? '' : `, as in ${earlier.length} earlier ${earlier.length === 1 ? 'run' : 'runs'}`
  const reached = Number.isFinite(toLimit.likelyMs)
    ? ` is reached in about ${durationWords(toLimit.likelyMs)}`
    : undefined
  const beyond = current === limit ? ' is reached' : ' lies behind it'
  const end = isBeyond(growing) ? beyond : reached
  return (
    `${what} grown by ${rate} for ${durationWords(durationMs)}, from ${amount(baseline)} to ${amount(current)}${again}` +
    (end === undefined ? '' : `; ${limits[limitKind]} ${amount(limit)}${end}`)
  )
}

/** Swapped out, it is no part of what memory.max holds; MemoryHigh= only slows it down. */
const isBeyond = ({ current, limit }: Growing): boolean => current >= limit

function endInWords(unit: Unit, quantity: Quantity, { ending, current }: Growing): string {
  return `${quantity} of ${unit.name} ${endings[ending!]}; ${amounts[quantity](current)} at the end`
}

/** Rates per second, times in seconds. What is not known, or never comes, is left out. */
function evidenceOf(growing: Growing, limitKind: LimitKind, context: DetectorContext): Attributes {
  const { slope, low, high, pValue, durationMs, baseline, current, limit, toLimit, reason, ending, earlier } = growing
  const evidence: Record<string, number | string> = {
    slope: digits(slope * 1000),
    slope_low: digits(low * 1000),
    slope_high: digits(high * 1000),
    p_value: digits(pValue),
    duration: Math.round(durationMs / 1000),
    baseline: Math.round(baseline),
    current: Math.round(current),
    reason,
    alike_runs: earlier.length,
  }
  if (ending !== undefined) evidence['ending'] = ending
  if (!Number.isFinite(limit)) return evidence
  evidence['limit'] = limit
  evidence['limit_kind'] = limitKind
  if (ending !== undefined || isBeyond(growing)) return evidence
  for (const [name, ms] of [
    ['time_to_limit', toLimit.likelyMs],
    ['time_to_limit_low', toLimit.earliestMs],
    ['time_to_limit_high', toLimit.latestMs],
  ] as const)
    if (Number.isFinite(ms)) evidence[name] = digits(ms / 1000)
  if (toLimit.likelyMs < kMaxAheadMs)
    evidence['next_expected_usec'] = Number(context.unixNano(growing.atMs + toLimit.likelyMs) / 1000n)
  return evidence
}

/** A hundred years: what is later than that is no date. */
const kMaxAheadMs = 100 * 365.25 * 86_400_000

function digits(value: number): number {
  return Number(value.toPrecision(6))
}
