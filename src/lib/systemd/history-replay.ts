import { constants } from 'node:os'
import type { UnitState } from '../../data/signal-record.js'
import type { HistoryEntry } from './history-entry.js'
import type { Occurrence } from './occurrence.js'
import type { TrackedUnit } from './tracked-unit.js'
import { phaseOf } from './unit-phase.js'

type Exit = Pick<UnitState, 'execMainCode' | 'execMainStatus'>

/** si_code of waitid(2), as in ExecMainCode. */
const exitCodes = { exited: 1, killed: 2, dumped: 3 } as const

/**
 * Tells a unit what the journal says of it, as the states that systemd would have signalled: so history is told and counted
 * by the same rules as what is seen. Stamps are those of the messages.
 */
export class HistoryReplay {
  readonly #unit: TrackedUnit
  /** How the main process of the run ended that is about to be told of. */
  #exit: Exit | undefined
  /** A job ends the run that is under way. */
  #stopping = false

  constructor(unit: TrackedUnit) {
    this.#unit = unit
  }

  /** @param next - the entry about this unit that follows, also where it is not told any more */
  feed(entry: HistoryEntry, next: HistoryEntry | undefined): Occurrence[] {
    switch (entry.kind) {
      case 'exited':
        this.#exit = exitOf(entry)
        return []
      case 'oom_killed':
        this.#unit.oomRun = entry.invocationId
        return []
      case 'started':
        return this.#started(entry)
      case 'failed':
        return this.#failed(entry, next)
      case 'stopping':
        this.#stopping = true
        return []
      case 'deactivated':
        // A job that stops it is told of next, and makes it another story.
        return next?.kind === 'stopped' ? [] : this.#observe(entry, this.#end(entry))
      case 'stopped':
        return this.#stopped(entry)
      case 'restart_scheduled':
        return this.#scheduled(entry, next)
      case 'start_failed':
        return this.#unit
          .jobRemoved(entry.jobId ?? 0, entry.result ?? 'failed')
          .map((what) => (what.kind === 'jobFinished' ? { ...what, atUsec: entry.atUsec } : what))
    }
  }

  #started(entry: HistoryEntry): Occurrence[] {
    const { state } = this.#unit.machine
    const { invocationId, jobId = 0, atUsec } = entry
    // Skipped for a condition; or a oneshot, whose end is told before its job's.
    if (invocationId === '' || (invocationId === state.invocationId && isOver(state))) return this.#jobDone(jobId)
    this.#exit = undefined
    this.#stopping = false
    // The job that stopped it was another one: that was no restart.
    const ended = state.jobId !== 0 && state.jobId !== jobId ? this.#jobDone(state.jobId) : []
    const begun = this.#observe(entry, {
      activeState: 'active',
      subState: 'running',
      result: 'success',
      jobId,
      execMainCode: 0,
      execMainStatus: 0,
      inactiveExitUsec: invocationId === state.invocationId ? state.inactiveExitUsec : atUsec,
      activeEnterUsec: atUsec,
    })
    return [...ended, ...begun]
  }

  #failed(entry: HistoryEntry, next: HistoryEntry | undefined): Occurrence[] {
    const beingStopped = this.#stopping || phaseOf(this.#unit.machine.state) === 'stopping'
    // A job that stops it later, while it waits for its restart, is not on it yet.
    const jobId = next?.kind === 'stopped' && !beingStopped ? 0 : this.#jobOf(next)
    return this.#observe(entry, { ...this.#end(entry), activeState: 'failed', subState: 'failed', jobId })
  }

  #stopped(entry: HistoryEntry): Occurrence[] {
    const { machine } = this.#unit
    const { invocationId, jobId } = machine.state
    this.#stopping = false
    // What has failed can be stopped only while it waits for its restart, of which nothing is said until that is due.
    const waited = phaseOf(machine.state) === 'failed' && jobId === 0 && entry.invocationId === invocationId
    const before = waited ? this.#unit.replay({ ...machine.state, ...waiting }) : []
    return [...before, ...this.#stop(entry)]
  }

  #stop(entry: HistoryEntry): Occurrence[] {
    const { state } = this.#unit.machine
    const { jobId = 0, jobType } = entry
    const phase = phaseOf(state)
    const same = entry.invocationId === state.invocationId
    if (same && (phase === 'failed' || phase === 'down')) return jobType === 'restart' ? [] : this.#jobDone(jobId)
    const end = phase === 'waiting' ? { inactiveEnterUsec: entry.atUsec } : this.#end(entry)
    const told = this.#observe(entry, { ...end, ...down, jobId })
    return jobType === 'restart' ? told : [...told, ...this.#jobDone(jobId)]
  }

  /** One message is one restart, whatever NRestarts was reset to. */
  #scheduled(entry: HistoryEntry, next: HistoryEntry | undefined): Occurrence[] {
    const { machine } = this.#unit
    const nRestarts = entry.nRestarts ?? machine.state.nRestarts + 1
    const told: Occurrence[] = []
    if (machine.state.nRestarts >= nRestarts)
      told.push(...this.#unit.replay({ ...machine.state, nRestarts: nRestarts - 1 }))
    // systemd waits since the run ended, and says so when the time is over.
    if (phaseOf(machine.state) !== 'waiting') {
      const { invocationId } = entry
      told.push(...this.#unit.replay({ ...machine.state, ...waiting, invocationId }))
    }
    told.push(...this.#unit.replay({ ...machine.state, nRestarts, jobId: this.#jobOf(next) }))
    return told
  }

  #end({ atUsec, result, invocationId }: HistoryEntry): Partial<UnitState> {
    const { state } = this.#unit.machine
    const { activeState, activeExitUsec } = state
    // Of a run that never came up the journal does not say when it began: later than the one before, whose stamps are known.
    const isNew = invocationId !== '' && invocationId !== state.invocationId
    const wasUp = activeState === 'active' || activeState === 'reloading'
    const exit = this.#exit
    this.#exit = undefined
    return {
      ...down,
      result: result === undefined || result === 'done' ? 'success' : result,
      mainPid: 0,
      inactiveExitUsec: isNew ? atUsec : state.inactiveExitUsec,
      activeExitUsec: wasUp ? atUsec : activeExitUsec,
      inactiveEnterUsec: atUsec,
      ...exit,
    }
  }

  #observe({ invocationId, atUsec }: HistoryEntry, change: Partial<UnitState>): Occurrence[] {
    const { state } = this.#unit.machine
    const id = invocationId === '' ? state.invocationId : invocationId
    return this.#unit.replay({ ...state, ...change, invocationId: id, stateChangeUsec: atUsec })
  }

  /** Job that is on the unit while it ends; of a start that is refused, the one that was there before. */
  #jobOf(next: HistoryEntry | undefined): number {
    if (next?.kind === 'stopped' || next?.kind === 'start_failed') return next.jobId ?? 0
    return 0
  }

  /** Jobs that were done are no news: what they did has been told. */
  #jobDone(jobId: number): Occurrence[] {
    return this.#unit.jobRemoved(jobId, 'done').filter(({ kind }) => kind !== 'jobFinished')
  }
}

const waiting = { activeState: 'activating', subState: 'auto-restart', jobId: 0 } as const
const down = { activeState: 'inactive', subState: 'dead', jobId: 0 } as const

function exitOf({ exitCode = 'exited', exitStatus = '0' }: HistoryEntry): Exit {
  const signals: Readonly<Record<string, number>> = constants.signals
  const status = /^\d+$/.test(exitStatus) ? Number(exitStatus) : (signals[`SIG${exitStatus}`] ?? 0)
  return { execMainCode: exitCodes[exitCode], execMainStatus: status }
}

/** The run has ended, and the next one has not begun, which a state still called by its old name may hide. */
function isOver(state: UnitState): boolean {
  const phase = phaseOf(state)
  return (phase === 'down' || phase === 'failed' || phase === 'waiting') && !isPreparing(state)
}

/** A start checks its conditions before the run gets its InvocationID, and the state changes after that. */
function isPreparing({ conditionResult, conditionUsec, stateChangeUsec }: UnitState): boolean {
  return conditionResult && conditionUsec > 0 && conditionUsec >= stateChangeUsec
}

/**
 * How many of a unit's entries, oldest first, `state` has passed through already: none of them is news to whoever knows it,
 * and none after them is known to it.
 *
 * A run is told apart by its InvocationID, and of one run each thing is said once; only where the journal says nothing of the
 * state's run its stamp decides, which is PID 1's own clock as well.
 */
export function coveredBy(state: UnitState, entries: readonly HistoryEntry[]): number {
  const { invocationId, jobId, nRestarts, stateChangeUsec } = state
  const first = invocationId === '' ? -1 : entries.findIndex((one) => one.invocationId === invocationId)
  if (first < 0) {
    const later = entries.findIndex(({ atUsec }) => atUsec > stateChangeUsec)
    return later < 0 ? entries.length : later
  }
  const ofRun = (one: HistoryEntry): boolean => one.invocationId === invocationId
  if (!isOver(state)) {
    const started = entries.findIndex((one) => one.kind === 'started' && ofRun(one))
    return phaseOf(state) === 'starting' || isPreparing(state) || started < 0 ? first : started + 1
  }
  const scheduled = entries.findIndex((one) => one.kind === 'restart_scheduled' && ofRun(one))
  if (scheduled >= 0) {
    const { nRestarts: counted = 0, atUsec } = entries[scheduled]!
    // It has just ended; reset-failed sets NRestarts back, too, but comes after.
    if (counted > nRestarts && atUsec > stateChangeUsec) return scheduled
    if (phaseOf(state) === 'waiting') return scheduled + 1
  }
  const refused = jobId === 0 ? -1 : entries.findIndex((one) => one.kind === 'start_failed' && one.jobId === jobId)
  // The start that is being refused: `failed` is said, and not yet that its job has.
  if (refused >= 0 && phaseOf(state) === 'failed') return refused
  if (refused >= 0) return entries.findLastIndex((one, at) => at < refused && one.kind === 'stopped' && ofRun(one)) + 1
  const stopped = stoppedWhileWaiting(state, entries, ofRun)
  return stopped >= 0 ? stopped : entries.findLastIndex(ofRun) + 1
}

/** Where the journal says that a run was stopped after `state`, in which it waits for its restart, or is about to. */
function stoppedWhileWaiting(
  state: UnitState,
  entries: readonly HistoryEntry[],
  ofRun: (one: HistoryEntry) => boolean,
): number {
  const find = (kind: HistoryEntry['kind']): number => entries.findLastIndex((one) => one.kind === kind && ofRun(one))
  const stopped = find('stopped')
  if (stopped < find('failed')) return -1
  if (phaseOf(state) === 'waiting') return stopped
  // Failed, it may have been so because a job stopped it: that is said before, if the run is told from its beginning.
  const byItself = phaseOf(state) === 'failed' && state.jobId === 0 && find('started') >= 0 && find('stopping') < 0
  return byItself ? stopped : -1
}

/**
 * What of the journal is news, in its order: after what is known of each unit, and before what signals will tell.
 *
 * @param known - last state that was told of a unit
 * @param read - its state as read now; undefined when it is not loaded
 */
export function planReplay(
  history: readonly HistoryEntry[],
  known: (unit: string) => UnitState,
  read: (unit: string) => UnitState | undefined,
  nowUsec: number,
): { readonly entry: HistoryEntry; readonly next: HistoryEntry | undefined }[] {
  const byUnit = new Map<string, HistoryEntry[]>()
  for (const entry of history) {
    const entries = byUnit.get(entry.unit)
    if (entries === undefined) byUnit.set(entry.unit, [entry])
    else entries.push(entry)
  }
  const news = new Map<HistoryEntry, HistoryEntry | undefined>()
  for (const [unit, entries] of byUnit) {
    const state = read(unit)
    const from = coveredBy(known(unit), entries)
    const to =
      state === undefined ? entries.filter(({ atUsec }) => atUsec <= nowUsec).length : coveredBy(state, entries)
    for (let at = from; at < to; at++) news.set(entries[at]!, entries[at + 1])
  }
  return history.flatMap((entry) => (news.has(entry) ? [{ entry, next: news.get(entry) }] : []))
}
