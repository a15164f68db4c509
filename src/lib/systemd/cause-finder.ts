import { kindsOf } from '../dependencies/edge-kinds.js'
import type { UnitGraph } from '../dependencies/unit-graph.js'
import type { Occurrence } from './occurrence.js'
import type { TrackedUnit } from './tracked-unit.js'
import { leftUsec, ranAt } from './unit-times.js'

/** Results of a job that make systemd give up the jobs that need it. */
const failingResults = new Set(['failed', 'dependency', 'timeout', 'canceled', 'assert', 'unsupported', 'once'])

/** From a unit to what it needs, and so on. A web server on an application on a database on its disk are three steps. */
const kMaxDepth = 8
/** Units looked at for one stop. A unit needs some ten others: without a limit 8 steps could be the whole host, per stop. */
const kMaxVisits = 256

/** Whose start fails with that of the other one. */
const needsStart = kindsOf('Requires', 'Requisite', 'BindsTo')
/** Who is stopped when the other one ends by itself, and who is when it is stopped. */
const endsWith = kindsOf('BindsTo', 'StopPropagatedFrom')
const stopsWith = kindsOf('Requires', 'Requisite', 'BindsTo', 'PartOf', 'StopPropagatedFrom')

/** A unit on the way from the stopped one towards what failed; targets and slices are mostly not followed. */
interface Step {
  readonly name: string
  readonly unit: TrackedUnit | undefined
  readonly from: Step | undefined
  readonly depth: number
}

/**
 * Says which unit's failure another one's trouble comes from, as far as signals and configuration tell.
 *
 * When a unit fails, PID 1 stops in the same call what is bound to it (BindsTo=) and was up, and with that whatever needs
 * those (Requires=, Requisite=, BindsTo=, PartOf=). Its timestamps prove who was up then, in whatever order the stops are told:
 * they end in the reverse order of their starts, so what is farthest away comes first.
 */
export class CauseFinder {
  readonly #find: (unit: string) => TrackedUnit | undefined
  readonly #graph: UnitGraph
  /** The unit whose job ended badly just now. PID 1 fails the jobs that need it in the same call, so they follow at once. */
  #lastFailed: string | undefined

  constructor(find: (unit: string) => TrackedUnit | undefined, graph: UnitGraph) {
    this.#find = find
    this.#graph = graph
  }

  /** To be called before `of` is asked about this job. */
  jobRemoved(unit: string, result: string): void {
    if (!failingResults.has(result)) this.#lastFailed = undefined
    else if (result !== 'dependency') this.#lastFailed = unit
  }

  /** To be called with each new state: when a slow stop ends, what failed may be long up again. */
  observed(name: string, unit: TrackedUnit): void {
    const { phase, state } = unit.machine
    if (phase !== 'stopping' || unit.stopping !== undefined) return
    const bySystemd = state.result === 'success' || state.result === ''
    unit.stopping = { causedBy: bySystemd ? this.#stopOf(name, leftUsec(state) ?? state.stateChangeUsec) : undefined }
  }

  of(name: string, { kind, job, state }: Occurrence): string | undefined {
    const unit = this.#find(name)
    // It did not take its stop well.
    if (kind === 'failed') return unit?.stopping?.causedBy
    if (kind === 'stopped') {
      const left = leftUsec(state)
      return unit?.stopping?.causedBy ?? (left !== undefined ? this.#stopOf(name, left) : undefined)
    }
    if (kind !== 'jobFinished' || job?.result !== 'dependency') return undefined
    const failed = this.#graph.needs(name, needsStart).find(({ to }) => this.#find(to)?.machine.phase === 'failed')
    return failed?.to ?? this.#lastFailed
  }

  /** The nearest unit whose failure explains that `stopped` was told to stop at `leftUsec`. */
  #stopOf(stopped: string, leftAt: number): string | undefined {
    const seen = new Set([stopped])
    const queue: Step[] = [{ name: stopped, unit: this.#find(stopped), from: undefined, depth: 0 }]
    // What is appended is visited, too.
    for (const step of queue) {
      const needs = this.#graph.needs(step.name, stopsWith)
      const failed = needs.find(
        ({ to, kinds }) => (kinds & endsWith) !== 0 && this.#tookDown(this.#find(to), step, leftAt),
      )
      if (failed !== undefined) return failed.to
      if (step.depth === kMaxDepth) continue
      for (const { to } of needs) {
        if (seen.size === kMaxVisits) break
        if (seen.has(to)) continue
        seen.add(to)
        queue.push({ name: to, unit: this.#find(to), from: step, depth: step.depth + 1 })
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
      if (step.unit !== undefined && !ranAt(step.unit.machine.state, failedAt)) return false
    return true
  }
}
