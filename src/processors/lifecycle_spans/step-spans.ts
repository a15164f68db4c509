import type { Attributes } from '../../data/attributes.js'
import type { RawEvent } from '../../data/event.js'
import type { Span } from '../../data/span.js'
import { runSpanId } from '../../lib/systemd/ids.js'
import { isFailedJob } from '../../lib/systemd/job-result.js'
import { attr, type Named, event as names } from '../../lib/systemd/names.js'
import { childSpanId, nanosOf } from './run-spans.js'

/**
 * A step of a run that is told of when it is over, while the run goes on: a job, a reload. It goes out at once, as a child of
 * the run's root, which follows when the run has ended.
 *
 * @returns undefined for an event that tells of no such step, or not when it began
 */
export function stepSpanOf(event: RawEvent, unit: string, invocationId: string): Span | undefined {
  if (event.name === names.jobFinished) return jobSpan(event, unit, invocationId)
  if (event.name === names.reloaded) return reloadSpan(event, unit, invocationId)
  return undefined
}

/** From its place in systemd's queue to its end. It may begin before the run does, which it has to wait for. */
function jobSpan(event: RawEvent, unit: string, invocationId: string): Span | undefined {
  const { attributes } = event
  const queuedUsec = attributes[attr.jobQueuedUsec]
  const type = attributes[attr.jobType]
  // Without a type it did nothing to the run: the start was refused, or the unit was up already.
  if (typeof queuedUsec !== 'number' || typeof type !== 'string') return undefined
  const jobId = attributes[attr.jobId] ?? 0
  const result = String(attributes[attr.jobResult] ?? '')
  return step(event, invocationId, {
    role: `job:${String(jobId)}`,
    name: `${type} job`,
    beganUsec: queuedUsec,
    attributes: {
      'systemd.unit.name': unit,
      'systemd.job.id': jobId,
      'systemd.job.type': type,
      'systemd.job.result': result,
    } satisfies Named,
    error: isFailedJob(result) ? `job ${result}` : undefined,
  })
}

function reloadSpan(event: RawEvent, unit: string, invocationId: string): Span | undefined {
  const beganUsec = event.attributes[attr.reloadBeganUsec]
  if (typeof beganUsec !== 'number') return undefined
  const attributes = { [attr.unit]: unit }
  return step(event, invocationId, { role: `reload:${beganUsec}`, name: 'reload', beganUsec, attributes })
}

interface Step {
  readonly role: string
  readonly name: string
  readonly beganUsec: number
  readonly attributes: Attributes
  readonly error?: string | undefined
}

function step(event: RawEvent, invocationId: string, { role, name, beganUsec, attributes, error }: Step): Span {
  const start = nanosOf(beganUsec)
  const tookNanos = event.timeUnixNano - start
  return {
    traceId: invocationId,
    spanId: childSpanId(invocationId, role),
    parentSpanId: runSpanId(invocationId),
    name,
    kind: 'internal',
    startTimeUnixNano: start,
    // The clock may have been set back meanwhile.
    endTimeUnixNano: tookNanos > 0n ? event.timeUnixNano : start,
    attributes,
    events: [],
    links: [],
    status: error === undefined ? { code: 'unset' } : { code: 'error', message: error },
    resource: event.resource,
  }
}
