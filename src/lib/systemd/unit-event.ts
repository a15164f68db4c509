import type { Attributes } from '../../data/attributes.js'
import { type RawEvent, Severity, type SeverityNumber, withRun } from '../../data/event.js'
import type { Resource } from '../../data/resource.js'
import type { UnitState } from '../../data/signal-record.js'
import { formatDuration } from '../../util/duration.js'
import type { Evidence } from './evidence.js'
import { runSpanId } from './ids.js'
import { isFailedJob } from './job-result.js'
import { jobTypeOf } from './job-type.js'
import { attr, event, type Named } from './names.js'
import type { Occurrence } from './occurrence.js'
import { describeOom, oomAttributes } from './oom-event.js'
import { conditionStoppedIt } from './outlook.js'
import { processExit } from './process-exit.js'
import type { RestartCause } from './restart-cause.js'
import type { Outlook } from './verdict.js'

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
  jobFinished: Severity.info, // of those that systemd gave up, `warn`
}

/** Makes the event of an occurrence. Trace and span are those of the run it is about. */
export function unitEvent(what: Occurrence, context: EventContext): RawEvent {
  const { state, kind } = what
  const time = what.atUsec > 0 ? BigInt(what.atUsec) * 1000n : context.observedNs
  const ofFailure = kind === 'restarting' && state.result !== 'success' && state.result !== ''
  // It did nothing wrong itself, yet it does not run, and nobody has wanted that.
  const takenDown = kind === 'stopped' && context.causedBy !== undefined
  // Of a unit that failed another event tells as well, as an error; of one that `dependency` kept from starting no other does.
  const failedJob = isFailedJob(what.job?.result)
  const made: RawEvent = {
    timeUnixNano: time,
    observedTimeUnixNano: context.observedNs,
    name: event[kind],
    severity: ofFailure || takenDown || failedJob ? Severity.warn : severityOf[kind],
    body: describe(what, context),
    attributes: attributesOf(what, context),
    resource: context.resource,
  }
  return state.invocationId === '' ? made : withRun(made, state.invocationId, runSpanId(state.invocationId))
}

/**
 * Names are written out on purpose: of an object with more than 16 that are computed (`[attr.unit]`) V8 makes a hash table. That is twice the memory, and
 * each copy of one, as processors that add something make, takes 10 us instead of one.
 */
function attributesOf(what: Occurrence, context: EventContext): Attributes {
  const { state, before, kind } = what
  const { unit } = context
  const type = unit.slice(unit.lastIndexOf('.') + 1)
  const attributes: Named = {
    'systemd.unit.name': unit,
    'systemd.unit.type': type,
    'systemd.unit.active_state': state.activeState,
    'systemd.unit.sub_state': state.subState,
    'systemd.unit.active_state.previous': before.activeState,
    'systemd.unit.sub_state.previous': before.subState,
  }
  if (state.result !== '') attributes['systemd.unit.result'] = state.result
  if (what.command !== undefined) attributes['systemd.unit.failed_command'] = what.command
  if (state.invocationId !== '') attributes['systemd.unit.invocation_id'] = state.invocationId
  if (context.slice !== '') attributes['systemd.unit.slice'] = context.slice
  if (context.cgroupId !== undefined) attributes['systemd.unit.cgroup_id'] = context.cgroupId
  if (type === 'service') putProcess(attributes, state)
  if (context.restartCause !== undefined) attributes['systemd.unit.restart.cause'] = context.restartCause
  const errorType = errorTypeOf(what, context)
  if (errorType !== undefined && errorType !== '') attributes['error.type'] = errorType
  if (what.oom !== undefined) Object.assign(attributes, oomAttributes(what.oom))
  if (what.job !== undefined) putJob(attributes, what, context)
  const runtime = context.resource.attributes[attr.containerRuntime]
  if (runtime !== undefined && runtime !== '') attributes['systemd.unit.container_runtime'] = runtime
  if (context.causedBy !== undefined && context.causedBy !== '') attributes['systemd.unit.caused_by'] = context.causedBy
  if (context.outlook !== undefined) putOutlook(attributes, context.outlook)
  if (kind !== 'jobFinished') putTimestamps(attributes, state)
  if (what.beganUsec !== undefined && what.beganUsec > 0) attributes['systemd.unit.reload_began_usec'] = what.beganUsec
  if (context.evidence !== undefined) {
    attributes['systemd.event.synthetic'] = true
    attributes['systemd.event.evidence'] =
      what.oom === undefined ? context.evidence : [...what.oom.sources, ...context.evidence]
  }
  if (context.missedRestarts > 0) attributes['systemd.unit.restarts.missed'] = context.missedRestarts
  return attributes
}

function putProcess(attributes: Named, state: UnitState): void {
  attributes['systemd.unit.n_restarts'] = state.nRestarts
  const pid = state.mainPid || state.execMainPid
  if (pid !== 0) attributes['process.pid'] = pid
  const exit = processExit(state)
  if (exit !== undefined && 'code' in exit) attributes['process.exit.code'] = exit.code
  else if (exit !== undefined) attributes['process.exit.signal'] = exit.signal
}

function putJob(attributes: Named, what: Occurrence, { jobQueuedUsec }: EventContext): void {
  const { job, before, state } = what
  if (job === undefined) return
  attributes['systemd.job.id'] = job.id
  attributes['systemd.job.result'] = job.result
  const type = jobTypeOf(before, state)
  if (type !== undefined) attributes['systemd.job.type'] = type
  if (jobQueuedUsec !== undefined) attributes['systemd.job.queued_usec'] = jobQueuedUsec
  if (conditionStoppedIt(what)) attributes['systemd.unit.condition_result'] = false
}

function putOutlook(attributes: Named, { verdict, dueUsec }: Outlook): void {
  attributes['systemd.unit.verdict'] = verdict
  if (dueUsec !== undefined) attributes['systemd.unit.restart_due_usec'] = dueUsec
}

function putTimestamps(attributes: Named, state: UnitState): void {
  const { inactiveExitUsec, activeEnterUsec, activeExitUsec, inactiveEnterUsec, execMainStartUsec, execMainExitUsec } =
    state
  if (inactiveExitUsec > 0) attributes['systemd.unit.inactive_exit_usec'] = inactiveExitUsec
  if (activeEnterUsec > 0) attributes['systemd.unit.active_enter_usec'] = activeEnterUsec
  if (activeExitUsec > 0) attributes['systemd.unit.active_exit_usec'] = activeExitUsec
  if (inactiveEnterUsec > 0) attributes['systemd.unit.inactive_enter_usec'] = inactiveEnterUsec
  if (execMainStartUsec > 0) attributes['systemd.unit.exec_main_start_usec'] = execMainStartUsec
  if (execMainExitUsec > 0) attributes['systemd.unit.exec_main_exit_usec'] = execMainExitUsec
}

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
      return `${unit} failed: ${howItEnded(what, context)}${because}${whatNext(what, context)}${tail}`
    case 'restarting':
      return cause === 'manual'
        ? `${unit} is being restarted by ${who}${because}${tail}`
        : `${unit} ended: ${howItEnded(what, context)}${whatNext(what, context)} (${state.nRestarts + 1})${tail}`
    case 'restarted':
      return cause === 'manual'
        ? `${unit} restarted by ${who}${because}${tail}`
        : `${unit} restarted (${state.nRestarts})${tail}`
    case 'reloaded':
      return `${unit} reloaded${tail}`
    case 'startLimitHit':
      return `${unit} gave up: started too often, last ${howItEnded(what, context)}${tail}`
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

/**
 * `exit code 3`, `signal SIGSEGV, core dumped`, `watchdog, signal SIGABRT`; where a command beside the main process failed that one,
 * `ExecStartPre= (exit-code)`; without an exit, systemd's result word.
 */
function howItEnded({ state, command }: Occurrence, { outOfMemory }: EventContext): string {
  const exit = processExit(state)
  const { result } = state
  if (command !== undefined) return `${command} (${outOfMemory ? 'oom-kill' : result})`
  // Of a command that is not known, for the main process ended well, or was stopped.
  const isAnothers = result === 'exit-code' && exit !== undefined && !('code' in exit && exit.code !== 0)
  if (exit === undefined || isAnothers) return result === '' ? 'unknown reason' : result
  const how =
    'code' in exit ? `exit code ${exit.code}` : `signal ${exit.signal}${exit.coreDumped ? ', core dumped' : ''}`
  const explained = ['success', 'exit-code', 'signal', 'core-dump', 'start-limit-hit'].includes(result)
  if (outOfMemory) return `oom-kill, ${how}`
  return explained ? how : `${result}, ${how}`
}
