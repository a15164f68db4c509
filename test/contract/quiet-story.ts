import type { MaintenanceWindow } from '../../src/component/component.js'
import { type Batch, batchOf } from '../../src/data/batch.js'
import type { RawEvent } from '../../src/data/event.js'
import { type Gauge, type Metric, timeOf } from '../../src/data/metric.js'
import { ResourcePool } from '../../src/data/resource.js'
import type { QuietReason } from '../../src/lib/patterns/detector.js'
import { attr, event as names } from '../../src/lib/systemd/names.js'
import { gapEvent } from '../../src/lib/systemd/source-event.js'
import { unitResource } from '../../src/lib/systemd/unit-resource.js'

/** Part of a story: what is told at a moment, milliseconds after its beginning. */
export interface Step {
  readonly atMs: number
  readonly batch: Batch
  /** Before that the clock on the wall is set forward by so much. */
  readonly setMs?: number
}

export interface QuietStory {
  readonly steps: readonly Step[]
  readonly maintenance?: readonly MaintenanceWindow[]
}

/** What is done to a story so that all of it happens in a quiet time. */
export type MakeQuiet = (steps: readonly Step[], startMs: number) => QuietStory

const pool = new ResourcePool({})
const nano = (ms: number): bigint => BigInt(Math.round(ms * 1000)) * 1000n

export const quietReasons: Readonly<Record<QuietReason, MakeQuiet>> = {
  maintenance: (steps) => ({
    steps,
    maintenance: [{ units: [], days: [], from: '00:00', to: '00:00', time_zone: 'UTC' }],
  }),

  /** Somebody begins each run half a minute before it fails, and all that is measured is of one that was just begun. */
  deployment(steps, startMs) {
    const out: Step[] = []
    const restarted: RawEvent = { ...someEvent(steps), name: names.restarted }
    const byJob = (of: RawEvent, atMs: number): Step => {
      const attributes = { ...of.attributes, [attr.restartCause]: 'manual' }
      const time = nano(startMs + atMs)
      const { resource } = of
      return told(atMs, { ...restarted, timeUnixNano: time, observedTimeUnixNano: time, attributes, resource })
    }
    let lastMs = 0
    eachMoment(steps, 50_000, ({ atMs, batch }, due) => {
      const failed = batch.events.filter(isFailure)
      for (const event of failed) out.push(byJob(event, Math.max(lastMs + (atMs - lastMs) / 2, atMs - 30_000)))
      if (failed.length > 0) lastMs = atMs
      const { resource } = batch.metrics[0] ?? {}
      if (due && resource !== undefined && failed.length === 0)
        out.push(
          byJob({ ...restarted, attributes: { [attr.unit]: resource.attributes[attr.unit] ?? '' }, resource }, atMs),
        )
      const events = batch.events.filter(({ attributes }) => attributes[attr.restartCause] !== 'auto')
      out.push({ atMs, batch: { ...batch, events } })
    })
    return { steps: out }
  },

  system_start: (steps, startMs) =>
    before(steps, 100_000, (atMs) =>
      told(atMs, gapEvent(pool, 'reboot', 0, nano(startMs + atMs), Math.round((startMs + atMs) * 1000))),
    ),

  system_shutdown: (steps, startMs) =>
    before(steps, 200_000, (atMs) => {
      const time = nano(startMs + atMs)
      const unit = 'shutdown.target'
      const head = { ...someEvent(steps), name: names.started, timeUnixNano: time, observedTimeUnixNano: time }
      return told(atMs, { ...head, attributes: { [attr.unit]: unit }, resource: unitResource(pool, unit) })
    }),

  suspend_or_clock_step: (steps) => before(steps, 50_000, (atMs) => ({ atMs, batch: batchOf({}), setMs: 3_600_000 })),

  /** Nobody saw it: a reading of states after a gap shows it. */
  gap: (steps, startMs) => ({
    steps: steps.flatMap((step) => {
      const { atMs, batch } = step
      if (batch.events.length === 0) return [step]
      const events = batch.events.map((event) => ({
        ...event,
        attributes: { ...event.attributes, [attr.synthetic]: true, [attr.evidence]: ['state', 'timestamps'] },
      }))
      return [
        told(atMs, gapEvent(pool, 'agent_restart', 0, nano(startMs + atMs))),
        { atMs, batch: { ...batch, events } },
      ]
    }),
  }),
}

/** Batches as they are when the clock shows so much more. */
export function shifted(batch: Batch, byMs: number): Batch {
  if (byMs === 0) return batch
  const by = nano(byMs)
  return batchOf({
    events: batch.events.map((event) => ({
      ...event,
      timeUnixNano: event.timeUnixNano + by,
      observedTimeUnixNano: event.observedTimeUnixNano + by,
    })),
    metrics: batch.metrics.map(
      (metric) =>
        ({
          ...metric,
          points: (metric as Gauge).points.map((point) => ({
            ...point,
            timeUnixNano: timeOf(metric as Gauge, point) + by,
          })),
        }) as Metric,
    ),
  })
}

const isFailure = ({ name }: RawEvent): boolean => name === names.failed || name === names.oomKilled

/** Each step, and whether something is to be done before it: it tells of an end, or the last time was `everyMs` ago. */
function eachMoment(steps: readonly Step[], everyMs: number, visit: (step: Step, due: boolean) => void): void {
  let nextMs = 0
  for (const step of steps) {
    const { events, metrics } = step.batch
    const due = events.length > 0 || (metrics.length > 0 && step.atMs >= nextMs)
    if (due) nextMs = step.atMs + everyMs
    visit(step, due)
  }
}

function before(steps: readonly Step[], everyMs: number, make: (atMs: number) => Step): QuietStory {
  const out: Step[] = []
  eachMoment(steps, everyMs, (step, due) => {
    if (due) out.push(make(step.atMs))
    out.push(step)
  })
  return { steps: out }
}

function told(atMs: number, event: RawEvent): Step {
  return { atMs, batch: batchOf({ events: [event] }) }
}

function someEvent(steps: readonly Step[]): RawEvent {
  for (const { batch } of steps) if (batch.events[0] !== undefined) return batch.events[0]
  return gapEvent(pool, 'reload', 0, 0n)
}
