import type { UnitState } from '../../data/signal-record.js'
import type { Occurrence } from './occurrence.js'
import type { TrackedUnit } from './tracked-unit.js'

/** Results of a job that make systemd give up the jobs that need it. */
const failingResults = new Set(['failed', 'dependency', 'timeout', 'canceled', 'assert', 'unsupported', 'once'])

/** From a unit to what it needs, and so on. A web server on an application on a database on its disk are three steps. */
const kMaxDepth = 8
/** Units looked at for one stop. A unit names up to 64 others: without a limit 8 steps could be the whole host, per stop. */
const kMaxVisits = 256

/** A unit on the way from the stopped one towards what failed. */
interface Step {
  readonly unit: TrackedUnit
  readonly from: Step | undefined
  readonly depth: number
}

/**
 * Says which unit's failure another one's trouble comes from, as far as signals and configuration tell.
 *
 * When a unit fails, PID 1 stops in the same call what is bound to it (BindsTo=) and was up, and with that whatever needs
 * those (Requires=, Requisite=, BindsTo=). Its timestamps prove who was up then, in whatever order the stops are told:
 * they end in the reverse order of their starts, so what is farthest away comes first.
 */
export class CauseFinder {
  readonly #find: (unit: string) => TrackedUnit | undefined
  /** The unit whose job ended badly just now. PID 1 fails the jobs that need it in the same call, so they follow at once. */
  #lastFailed: string | undefined

  constructor(find: (unit: string) => TrackedUnit | undefined) {
    this.#find = find
  }

  /** To be called before `of` is asked about this job. */
  jobRemoved(unit: string, result: string): void {
    if (!failingResults.has(result)) this.#lastFailed = undefined
    else if (result !== 'dependency') this.#lastFailed = unit
  }

  /** To be called with each new state: when a slow stop ends, what failed may be long up again. */
  observed(unit: TrackedUnit): void {
    const { phase, state } = unit.machine
    if (phase !== 'stopping' || unit.stopping !== undefined) return
    const bySystemd = state.result === 'success' || state.result === ''
    unit.stopping = { causedBy: bySystemd ? this.#stopOf(unit, leftUsec(state) ?? state.stateChangeUsec) : undefined }
  }

  of(name: string, { kind, job, state }: Occurrence): string | undefined {
    const unit = this.#find(name)
    // It did not take its stop well.
    if (kind === 'failed') return unit?.stopping?.causedBy
    if (kind === 'stopped') {
      const left = leftUsec(state)
      return unit?.stopping?.causedBy ?? (unit && left !== undefined ? this.#stopOf(unit, left) : undefined)
    }
    if (kind !== 'jobFinished' || job?.result !== 'dependency') return undefined
    const failed = unit?.facts?.requires.find((needed) => this.#find(needed)?.machine.phase === 'failed')
    return failed ?? this.#lastFailed
  }

  /** The nearest unit whose failure explains that `stopped` was told to stop at `leftUsec`. */
  #stopOf(stopped: TrackedUnit, leftAt: number): string | undefined {
    const seen = new Set([stopped])
    const queue: Step[] = [{ unit: stopped, from: undefined, depth: 0 }]
    // What is appended is visited, too.
    for (const step of queue) {
      const { facts } = step.unit
      if (facts === undefined) continue
      const failed = facts.bindsTo.find((name) => this.#tookDown(this.#find(name), step, leftAt))
      if (failed !== undefined) return failed
      if (step.depth === kMaxDepth) continue
      for (const name of [...facts.bindsTo, ...facts.requires]) {
        if (seen.size === kMaxVisits) break
        const unit = this.#find(name)
        if (unit === undefined || seen.has(unit)) continue
        seen.add(unit)
        queue.push({ unit, from: step, depth: step.depth + 1 })
      }
    }
    return undefined
  }

  /** It failed by itself before the stop, was not up again until then, and all on the way were up when it failed. */
  #tookDown(failed: TrackedUnit | undefined, last: Step, leftAt: number): boolean {
    const failedAt = failed?.failedAtUsec
    if (failed === undefined || failedAt === undefined || failedAt > leftAt) return false
    const upAgain = failed.machine.state.activeEnterUsec
    if (upAgain > failedAt && upAgain <= leftAt) return false
    for (let step: Step | undefined = last; step !== undefined; step = step.from)
      if (!wasUp(step.unit, failedAt)) return false
    return true
  }
}

/** When this run was left; undefined when it never was active. */
function leftUsec({ activeExitUsec, inactiveExitUsec }: UnitState): number | undefined {
  return activeExitUsec >= inactiveExitUsec && activeExitUsec > 0 ? activeExitUsec : undefined
}

function wasUp({ machine: { state, phase } }: TrackedUnit, atUsec: number): boolean {
  if (state.inactiveExitUsec >= atUsec) return false
  return phase === 'up' || phase === 'starting' || (leftUsec(state) ?? state.stateChangeUsec) >= atUsec
}
