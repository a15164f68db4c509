import type { AttributeValue } from '../../data/attributes.js'
import { type RawEvent, Severity, type SeverityNumber } from '../../data/event.js'
import type { Resource } from '../../data/resource.js'
import type { UnitState } from '../../data/signal-record.js'
import { formatDuration } from '../../util/duration.js'
import type { Evidence } from './evidence.js'
import { runSpanId } from './ids.js'
import { jobTypeOf } from './job-type.js'
import { attr, event } from './names.js'
import type { Occurrence } from './occurrence.js'
import { describeOom, oomAttributes } from './oom-event.js'
import { processExit } from './process-exit.js'
import type { RestartCause } from './restart-cause.js'
import { conditionStoppedIt, type Outlook } from './verdict.js'

/** What an event needs besides the occurrence itself. */
export interface EventContext {
  readonly unit: string
  readonly resource: Resource
  /** When this agent read the bytes that tell of it, nanoseconds since 1970. */
  readonly observedNs: bigint
  /** What it was concluded from; undefined when it was told. */
  readonly evidence: readonly Evidence[] | undefined
  /** Restarts by systemd that nothing else tells of, this one included; 0 for none. */
  readonly missedRestarts: number
  readonly causedBy: string | undefined
  /** Of the job that has ended, microseconds since 1970; undefined where it is not known, and of all else. */
  readonly jobQueuedUsec?: number | undefined
  readonly slice: string
  readonly cgroupId: number | undefined
  /** Of a restart, why. */
  readonly restartCause: RestartCause | undefined
  /** What happens next. */
  readonly outlook: Outlook | undefined
  /** The run is known to have died for want of memory, whatever its result says. */
  readonly outOfMemory: boolean
}

const severityOf: Readonly<Record<Occurrence['kind'], SeverityNumber>> = {
  started: Severity.info,
  stopped: Severity.info,
  failed: Severity.error,
  restarting: Severity.info,
  restarted: Severity.info,
  reloaded: Severity.info,
  startLimitHit: Severity.error,
  oomKilled: Severity.error,
  watchdogTimeout: Severity.error,
  jobFinished: Severity.info,
}

/** Makes the event of an occurrence. Trace and span are those of the run it is about. */
export function unitEvent(what: Occurrence, context: EventContext): RawEvent {
  const { state, kind } = what
  const time = what.atUsec > 0 ? BigInt(what.atUsec) * 1000n : context.observedNs
  const ofFailure = kind === 'restarting' && state.result !== 'success' && state.result !== ''
  // It did nothing wrong itself, yet it does not run, and nobody has wanted that.
  const takenDown = kind === 'stopped' && context.causedBy !== undefined
  const made: RawEvent = {
    timeUnixNano: time,
    observedTimeUnixNano: context.observedNs,
    name: event[kind],
    severity: ofFailure || takenDown ? Severity.warn : severityOf[kind],
    body: describe(what, context),
    attributes: attributesOf(what, context),
    resource: context.resource,
  }
  if (state.invocationId === '') return made
  return Object.assign(made, { traceId: state.invocationId, spanId: runSpanId(state.invocationId) })
}

function attributesOf(what: Occurrence, context: EventContext): Readonly<Record<string, AttributeValue>> {
  const { state, before, kind } = what
  const type = context.unit.slice(context.unit.lastIndexOf('.') + 1)
  const attributes: Record<string, AttributeValue> = {
    [attr.unit]: context.unit,
    [attr.unitType]: type,
    [attr.activeState]: state.activeState,
    [attr.subState]: state.subState,
    [attr.activeStateBefore]: before.activeState,
    [attr.subStateBefore]: before.subState,
  }
  const put = (name: string, value: AttributeValue | undefined): void => {
    if (value !== undefined && value !== '') attributes[name] = value
  }
  put(attr.result, state.result)
  put(attr.invocationId, state.invocationId)
  put(attr.slice, context.slice)
  put(attr.cgroupId, context.cgroupId)
  if (type === 'service') {
    attributes[attr.nRestarts] = state.nRestarts
    const pid = state.mainPid || state.execMainPid
    if (pid !== 0) attributes[attr.mainPid] = pid
    const exit = processExit(state)
    if (exit !== undefined && 'code' in exit) attributes[attr.exitCode] = exit.code
    else if (exit !== undefined) attributes[attr.exitSignal] = exit.signal
  }
  put(attr.restartCause, context.restartCause)
  put(attr.errorType, errorTypeOf(what, context))
  if (what.oom !== undefined) Object.assign(attributes, oomAttributes(what.oom))
  if (what.job !== undefined) {
    attributes[attr.jobId] = what.job.id
    attributes[attr.jobResult] = what.job.result
    put(attr.jobType, jobTypeOf(before, state))
    put(attr.jobQueuedUsec, context.jobQueuedUsec)
    if (conditionStoppedIt(what)) attributes[attr.conditionResult] = false
  }
  put(attr.containerRuntime, context.resource.attributes[attr.containerRuntime])
  put(attr.causedBy, context.causedBy)
  put(attr.verdict, context.outlook?.verdict)
  put(attr.restartDueUsec, context.outlook?.dueUsec)
  if (kind !== 'jobFinished') putTimestamps(attributes, state)
  if (what.beganUsec !== undefined && what.beganUsec > 0) attributes[attr.reloadBeganUsec] = what.beganUsec
  if (context.evidence !== undefined) {
    attributes[attr.synthetic] = true
    attributes[attr.evidence] = what.oom === undefined ? context.evidence : [...what.oom.sources, ...context.evidence]
  }
  if (context.missedRestarts > 0) attributes[attr.missedRestarts] = context.missedRestarts
  return attributes
}

function putTimestamps(attributes: Record<string, AttributeValue>, state: UnitState): void {
  for (const name of timestamps) if (state[name] > 0) attributes[attr[name]] = state[name]
}

const timestamps = [
  'inactiveExitUsec',
  'activeEnterUsec',
  'activeExitUsec',
  'inactiveEnterUsec',
  'execMainStartUsec',
  'execMainExitUsec',
] as const

function errorTypeOf({ kind, state, job }: Occurrence, { outOfMemory }: EventContext): string | undefined {
  switch (kind) {
    case 'oomKilled':
      return 'oom-kill' // systemd's Result of a fast kill is `signal`
    case 'failed':
      return outOfMemory ? 'oom-kill' : state.result
    case 'watchdogTimeout':
      return state.result
    case 'startLimitHit':
      return 'start-limit-hit'
    case 'jobFinished':
      return job === undefined || job.result === 'done' || job.result === 'skipped' ? undefined : job.result
    default:
      return undefined
  }
}

function describe(what: Occurrence, context: EventContext): string {
  const { kind, state, cause, job } = what
  const { unit } = context
  const missed = context.missedRestarts > 1 ? `, after ${context.missedRestarts} restarts` : ''
  const tail = context.evidence === undefined ? '' : `${missed} (inferred)`
  const because = context.causedBy === undefined ? '' : ` because of ${context.causedBy}`
  const who = context.restartCause === 'remediation' ? 'this agent' : 'a job'
  switch (kind) {
    case 'started':
      return `${unit} started${tail}`
    case 'stopped':
      return `${unit} stopped${because}${whatNext(what, context)}${tail}`
    case 'failed':
      return `${unit} failed: ${howItEnded(state, context)}${because}${whatNext(what, context)}${tail}`
    case 'restarting':
      return cause === 'manual'
        ? `${unit} is being restarted by ${who}${because}${tail}`
        : `${unit} ended: ${howItEnded(state, context)}${whatNext(what, context)} (${state.nRestarts + 1})${tail}`
    case 'restarted':
      return cause === 'manual'
        ? `${unit} restarted by ${who}${because}${tail}`
        : `${unit} restarted (${state.nRestarts})${tail}`
    case 'reloaded':
      return `${unit} reloaded${tail}`
    case 'startLimitHit':
      return `${unit} gave up: started too often, last ${howItEnded(state, context)}${tail}`
    case 'oomKilled':
      return what.oom === undefined
        ? `${unit} was killed because memory ran out${tail}`
        : describeOom(unit, what.oom) + tail
    case 'watchdogTimeout':
      return `${unit} stopped answering its watchdog${tail}`
    case 'jobFinished':
      return `job ${job?.id} of ${unit} finished: ${job?.result}${because}${whatNext(what, context)}`
  }
}

/** The verdict in words, after how it ended. */
function whatNext({ kind, state, job }: Occurrence, { outlook }: EventContext): string {
  switch (outlook?.verdict) {
    case 'will_restart': {
      const { dueUsec } = outlook
      const delayMs = dueUsec === undefined ? undefined : Math.round((dueUsec - state.stateChangeUsec) / 1000)
      return `, will be restarted${delayMs === undefined ? '' : ` in ${formatDuration(delayMs)}`}`
    }
    case 'gave_up':
      return ', will not be restarted'
    case 'stopped_by_operator':
      return kind === 'failed'
        ? ' while being stopped by a job'
        : kind === 'stopped'
          ? ' by a job'
          : ', taken back by a job'
    case 'condition_not_met':
      return `, ${job?.result === 'assert' ? 'an assertion' : 'a condition'} was not met`
    default:
      return '' // another unit's failure has been named already
  }
}

/** `exit code 3`, `signal SIGSEGV, core dumped`, `watchdog after signal SIGABRT`; without an exit, systemd's result word. */
function howItEnded(state: UnitState, { outOfMemory }: EventContext): string {
  const exit = processExit(state)
  if (exit === undefined) return state.result === '' ? 'unknown reason' : state.result
  const how =
    'code' in exit ? `exit code ${exit.code}` : `signal ${exit.signal}${exit.coreDumped ? ', core dumped' : ''}`
  const explained = ['success', 'exit-code', 'signal', 'core-dump', 'start-limit-hit'].includes(state.result)
  if (outOfMemory) return `oom-kill, ${how}`
  return explained ? how : `${state.result}, ${how}`
}
