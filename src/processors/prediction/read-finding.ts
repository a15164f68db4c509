import type { Attributes } from '../../data/attributes.js'
import type { RawEvent } from '../../data/event.js'
import { evidenceName, patternAttr, patternEvent } from '../../lib/patterns/detection-event.js'
import type { DetectorContext, Unit } from '../../lib/patterns/detector.js'
import type { Forecast } from './forecast.js'

/** What another pattern's finding foretells; `ended` when that pattern is over, `reached` when a limit no longer is to come. */
export type Foretold =
  | Forecast
  | { readonly ended: 'memory' | 'tasks' | 'failure' }
  | { readonly reached: 'memory' | 'tasks' }

const leak = 'memory_leak'
const periodic = 'periodic_crash'

/** Undefined for a finding that foretells nothing, or no time. */
export function readFinding(event: RawEvent, unit: Unit, atMs: number, context: DetectorContext): Foretold | undefined {
  switch (event.name) {
    case patternEvent(leak, 'detected'):
    case patternEvent(leak, 'updated'):
      return ofLeak(event, unit, atMs)
    case patternEvent(leak, 'cleared'):
      return { ended: quantity(event.attributes) }
    case patternEvent(periodic, 'detected'):
    case patternEvent(periodic, 'updated'):
      return ofPeriod(event, unit, atMs, context)
    case patternEvent(periodic, 'cleared'):
      return { ended: 'failure' }
    default:
      return undefined
  }
}

function ofLeak({ attributes, traceId = '' }: RawEvent, unit: Unit, atMs: number): Foretold | undefined {
  const value = (name: string): number => number(attributes, evidenceName(leak, name))
  if (value('current') >= value('limit')) return { reached: quantity(attributes) }
  const [likely, low, high] = [value('time_to_limit'), value('time_to_limit_low'), value('time_to_limit_high')]
  if (![likely, low, high].every(Number.isFinite)) return undefined
  return {
    unit,
    subject: quantity(attributes),
    basis: leak,
    atMs,
    likelyMs: atMs + likely * 1000,
    earliestMs: atMs + low * 1000,
    latestMs: atMs + high * 1000,
    confidence: confidence(attributes),
    run: traceId,
    more: { limit: value('limit'), current: value('current'), slope: value('slope') },
    periodMs: 0,
    byClock: false,
  }
}

function ofPeriod(
  { attributes, traceId = '' }: RawEvent,
  unit: Unit,
  atMs: number,
  context: DetectorContext,
): Foretold | undefined {
  const value = (name: string): number => number(attributes, evidenceName(periodic, name))
  const [next, from, until] = [value('next_usec'), value('next_from_usec'), value('next_until_usec')]
  const period = value('period')
  if (![next, from, until].every(Number.isFinite) || !(period > 0)) return undefined
  const steadyMs = (usec: number): number => context.steadyMs(BigInt(Math.round(usec)) * 1000n)
  const likelyMs = steadyMs(next)
  const wider = spreadOf(value('count'))
  return {
    unit,
    subject: 'failure',
    basis: periodic,
    atMs,
    likelyMs,
    earliestMs: likelyMs - (likelyMs - steadyMs(from)) * wider,
    latestMs: likelyMs + (steadyMs(until) - likelyMs) * wider,
    confidence: confidence(attributes),
    run: traceId,
    more: { period },
    periodMs: period * 1000,
    byClock: attributes[patternAttr.kind] === 'clock',
  }
}

/**
 * By how much wider than told the time of the next of so many failures is: the jitter of five is hardly known, and that they were the
 * most regular five is why they were found. Student's t against the normal, and half as much again.
 */
function spreadOf(count: number): number {
  return 1.5 * (1 + 2 / Math.max(count - 3, 1))
}

function quantity(attributes: Attributes): 'memory' | 'tasks' {
  return attributes[patternAttr.kind] === 'tasks' ? 'tasks' : 'memory'
}

function confidence(attributes: Attributes): number {
  const value = number(attributes, patternAttr.confidence)
  return value >= 0 && value <= 1 ? value : 0.5
}

function number(attributes: Attributes, name: string): number {
  const value = attributes[name]
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : Number.NaN
}
