import type { RawEvent } from './event.js'
import type { Metric } from './metric.js'
import type { Span } from './span.js'

/** The three kinds of record, named as OTLP's signals are. */
export const signals = ['logs', 'metrics', 'traces'] as const
export type Signal = (typeof signals)[number]

/**
 * What travels through a pipeline: all three kinds side by side, so one processor sees events and metrics together.
 * Batches and records are never changed once made; a processor that edits makes new ones. So fan-out needs no copies.
 */
export interface Batch {
  readonly events: readonly RawEvent[]
  readonly metrics: readonly Metric[]
  readonly spans: readonly Span[]
}

export const emptyBatch: Batch = Object.freeze({ events: [], metrics: [], spans: [] })

/** How many items, by signal. `unknown`: of a file that an earlier process left, and that was not read yet or is damaged. */
export type Items = { readonly [S in AccountSignal]?: number }
export type AccountSignal = Signal | 'unknown'

/** Makes a batch of the kinds given. */
export function batchOf(part: Partial<Batch>): Batch {
  return { events: part.events ?? [], metrics: part.metrics ?? [], spans: part.spans ?? [] }
}

/**
 * Items of a batch, the unit of every counter and limit: an event, a span, or one metric *point* (as OTLP counts).
 */
export function countItems(batch: Batch): number {
  const { metrics } = batch
  let points = 0
  // Asked at each border of each component: without an iterator.
  for (let at = 0; at < metrics.length; at++) points += metrics[at]!.points.length
  return batch.events.length + batch.spans.length + points
}

/** The same by signal. */
export function itemsOf(batch: Batch): Items {
  const { events, spans } = batch
  return { logs: events.length, metrics: countItems(batch) - events.length - spans.length, traces: spans.length }
}

/** So many of one signal. */
export function itemsOfSignal(signal: Signal, items: number): Items {
  // Written out: an object with a name that is computed takes V8 microseconds.
  return {
    logs: signal === 'logs' ? items : 0,
    metrics: signal === 'metrics' ? items : 0,
    traces: signal === 'traces' ? items : 0,
  }
}

export function isEmpty(batch: Batch): boolean {
  return batch.events.length === 0 && batch.metrics.length === 0 && batch.spans.length === 0
}

/** Keeps only the kinds named; the same object when nothing is to be left out. */
export function selectSignals(batch: Batch, wanted: ReadonlySet<Signal>): Batch {
  const events = wanted.has('logs') ? batch.events : []
  const metrics = wanted.has('metrics') ? batch.metrics : []
  const spans = wanted.has('traces') ? batch.spans : []
  if (
    events.length === batch.events.length &&
    metrics.length === batch.metrics.length &&
    spans.length === batch.spans.length
  )
    return batch
  return { events, metrics, spans }
}

/** Joins batches in order. */
export function concatBatches(batches: readonly Batch[]): Batch {
  const only = batches[0]
  if (batches.length === 1 && only !== undefined) return only
  return {
    events: concat(batches.map((b) => b.events)),
    metrics: concat(batches.map((b) => b.metrics)),
    spans: concat(batches.map((b) => b.spans)),
  }
}

/** The only one of them that is not empty, which is the rule; else a loop: `flat` and `flatMap` take V8 microseconds. */
function concat<T>(lists: readonly (readonly T[])[]): readonly T[] {
  const full = lists.filter((list) => list.length > 0)
  if (full.length === 1) return full[0]!
  const all: T[] = []
  for (const list of full) for (const one of list) all.push(one)
  return all
}
