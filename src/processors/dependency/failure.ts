import type { Attributes } from '../../data/attributes.js'
import type { RawEvent } from '../../data/event.js'
import type { FailureMode } from '../../lib/dependencies/propagation.js'
import { isFailedJob } from '../../lib/systemd/job-result.js'
import { attr, event as names } from '../../lib/systemd/names.js'

/** A unit that does not run though it should, as one event tells it. */
export interface Failure {
  readonly unit: string
  readonly mode: FailureMode
  /** Microseconds since 1970. */
  readonly usec: number
  /** When the run that failed began; undefined where no run is told of. */
  readonly beganUsec: number | undefined
  /** The unit whose failure systemd answered by ending this one, or by not starting it. */
  readonly causedBy: string | undefined
  /** A socket, path or timer gave up because the unit that it triggers did. */
  readonly gaveUpWithTriggered: boolean
}

/** Results of sockets and paths (systemd: src/core/socket.c, path.c) when what they trigger was started too often. */
const triggerResults: ReadonlySet<unknown> = new Set(['service-start-limit-hit', 'unit-start-limit-hit'])
/** Jobs that end a unit, or leave it running. */
const otherJobs: ReadonlySet<unknown> = new Set(['stop', 'reload'])

/** Undefined for every other event. Watchdog timeouts and kills for memory are told as failures, too. */
export function failureOf(event: RawEvent): Failure | undefined {
  switch (event.name) {
    case names.failed:
    case names.startLimitHit:
    case names.stopped:
    case names.jobFinished:
      return read(event)
    default:
      return undefined
  }
}

/** The unit that runs again or anew by this event. */
export function recoveredUnit(event: RawEvent): string | undefined {
  if (event.name !== names.started && event.name !== names.restarted) return undefined
  return textOf(event.attributes, attr.unit)
}

export function usecOf(event: RawEvent): number {
  return Number(event.timeUnixNano / 1000n)
}

function read(event: RawEvent): Failure | undefined {
  const { attributes } = event
  const unit = textOf(attributes, attr.unit)
  const causedBy = textOf(attributes, attr.causedBy)
  const mode = unit === undefined ? undefined : modeOf(event.name, attributes, causedBy)
  if (unit === undefined || mode === undefined) return undefined
  const began = attributes[attr.inactiveExitUsec]
  return {
    unit,
    mode,
    usec: usecOf(event),
    beganUsec: typeof began === 'number' ? began : undefined,
    causedBy,
    gaveUpWithTriggered: triggerResults.has(attributes[attr.result]),
  }
}

function modeOf(name: string, attributes: Attributes, causedBy: string | undefined): FailureMode | undefined {
  switch (name) {
    case names.stopped:
      return causedBy === undefined ? undefined : 'stop'
    case names.startLimitHit:
      return 'start_failed'
    case names.jobFinished:
      return isFailedJob(attributes[attr.jobResult]) && !otherJobs.has(attributes[attr.jobType])
        ? 'start_failed'
        : undefined
    default:
      // A stop that it did not take well.
      if (causedBy !== undefined || attributes[attr.verdict] === 'stopped_by_operator') return 'stop'
      return wasActive(attributes) ? 'crash' : 'start_failed'
  }
}

/** Whether this run ever was active: before that its dependents were still waiting for it. */
function wasActive(attributes: Attributes): boolean {
  const entered = attributes[attr.activeEnterUsec]
  const began = attributes[attr.inactiveExitUsec]
  return typeof entered === 'number' && (typeof began !== 'number' || entered >= began)
}

function textOf(attributes: Attributes, name: string): string | undefined {
  const value = attributes[name]
  return typeof value === 'string' ? value : undefined
}
