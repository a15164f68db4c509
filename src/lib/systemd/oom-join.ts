import type { UnitState } from '../../data/signal-record.js'
import type { Occurrence } from './occurrence.js'
import type { OomEvidence } from './oom-evidence.js'
import { type OomReport, OomRun } from './oom-run.js'
import { unloadedState } from './unit-phase.js'

/** Units whose kills are remembered, and runs of each: what tells of one kill comes within a second. */
const kMaxUnits = 512
const kMaxRuns = 4
/** Evidence of a unit that waits until it is known whose run it is of. */
const kMaxLoose = 64
/** Ends that are remembered: the storm of a thousand units that restart brings 350 a second. */
const kMaxEnds = 512

/** What is known of one unit. Oldest first. */
interface Unit {
  readonly runs: OomRun[]
  loose: OomEvidence[]
  /** Something waits since before the last sweep. */
  due: boolean
}

/** A report, and the run it is of. */
export interface OomTold {
  readonly invocationId: string
  readonly report: OomReport
  /** What is known of the state in which the run was, or ended. */
  readonly state: UnitState
  readonly before: UnitState
}

/**
 * Joins what systemd and the kernel tell of kills for want of memory, so that each is told once, with all that told of it.
 *
 * Whichever comes first waits for the other, until the run has ended or sweep() was called twice. Pure: no clock.
 */
export class OomJoin {
  readonly #units = new Map<string, Unit>()
  /** Of each unit the last end of a run, or what was told of one by result(). */
  readonly #ends = new Map<string, Occurrence>()
  readonly #current: (unit: string) => UnitState | undefined
  #unsettled = false
  #unattributed = 0

  /** @param current - the state of a unit, as far as it is known */
  constructor(current: (unit: string) => UnitState | undefined) {
    this.#current = current
  }

  /** Whether sweep() is to be called in a while. */
  get waits(): boolean {
    return this.#unsettled
  }

  /** What was told of kills and led to no event: nobody knows the run, or it was too much at once; only grows. */
  get unattributed(): number {
    return this.#unattributed
  }

  /** Whether this run died of a kill, as far as is known. */
  died(unit: string, invocationId: string): boolean {
    return this.#units.get(unit)?.runs.some((run) => run.invocationId === invocationId && run.died) ?? false
  }

  /** The kernel tells. */
  take(evidence: OomEvidence): OomTold[] {
    const unit = this.#unit(evidence.unit)
    const run = this.#runOf(evidence, unit)
    this.#unsettled = true
    if (run === undefined) {
      if (unit.loose.length < kMaxLoose) unit.loose.push(evidence)
      else this.#unattributed++
      return []
    }
    run.add(evidence)
    return this.#complete(evidence.unit, run)
  }

  /** systemd tells that a run is being stopped, or has ended, because of a kill. */
  result(name: string, what: Occurrence): OomTold[] {
    const run = this.#run(name, this.#unit(name), what.state.invocationId)
    this.#remember(name, what)
    run.addResult()
    this.#unsettled = true
    return this.#complete(name, run)
  }

  /** A run has ended, of whatever. */
  ended(name: string, what: Occurrence): OomTold[] {
    this.#remember(name, what)
    const unit = this.#units.get(name)
    const run = unit?.runs.find(({ invocationId }) => invocationId === what.state.invocationId)
    if (run === undefined) return []
    run.end()
    return this.#complete(name, run)
  }

  /** A while has passed: what has waited since before the last call is told as it is. */
  sweep(): (OomTold & { readonly unit: string })[] {
    const out: (OomTold & { readonly unit: string })[] = []
    this.#unsettled = false
    for (const [name, unit] of this.#units) {
      if (unit.due) {
        for (const evidence of unit.loose.splice(0)) {
          const run = this.#guess(evidence, unit)
          if (run === undefined) this.#unattributed++
          else run.add(evidence)
        }
        for (const run of unit.runs) {
          if (run.state !== 'nothing') out.push({ unit: name, ...this.#told(name, run) })
          else run.settle()
        }
      }
      unit.due = unit.loose.length > 0 || unit.runs.some(({ state }) => state !== 'nothing')
      // What was told just now settles with the next call but one.
      if (unit.due || out.at(-1)?.unit === name) {
        unit.due = true
        this.#unsettled = true
      }
    }
    return out
  }

  #remember(name: string, what: Occurrence): void {
    this.#ends.delete(name)
    this.#ends.set(name, what)
    if (this.#ends.size > kMaxEnds) this.#ends.delete(this.#ends.keys().next().value!)
  }

  #complete(name: string, run: OomRun): OomTold[] {
    return run.state === 'complete' ? [this.#told(name, run)] : []
  }

  #told(name: string, run: OomRun): OomTold {
    const { invocationId } = run
    const report = run.report()
    const end = this.#ends.get(name)
    if (end?.state.invocationId === invocationId) return { invocationId, report, state: end.state, before: end.before }
    const current = this.#current(name)
    const state = current?.invocationId === invocationId ? current : { ...unloadedState, invocationId }
    return { invocationId, report, state, before: state }
  }

  /** The run it is of, if that is sure. */
  #runOf({ unit: name, invocationId, victim }: OomEvidence, unit: Unit): OomRun | undefined {
    if (invocationId !== '') return this.#run(name, unit, invocationId)
    const known = [this.#current(name), this.#ends.get(name)?.state]
    const main = known.find(
      (state) => victim !== undefined && [state?.execMainPid, state?.mainPid].includes(victim.pid),
    )
    if (main !== undefined && main.invocationId !== '') return this.#run(name, unit, main.invocationId)
    return unit.runs.findLast((run) => run.lacksVictim)
  }

  /** As #runOf(), by what it is most likely of: the run that there was at that time. */
  #guess(evidence: OomEvidence, unit: Unit): OomRun | undefined {
    const sure = this.#runOf(evidence, unit)
    if (sure !== undefined) return sure
    const current = this.#current(evidence.unit)
    const end = this.#ends.get(evidence.unit)?.state
    const fits = current !== undefined && current.invocationId !== '' && current.inactiveExitUsec <= evidence.atUsec
    const state = fits ? current : end
    return state === undefined || state.invocationId === ''
      ? undefined
      : this.#run(evidence.unit, unit, state.invocationId)
  }

  #run(name: string, unit: Unit, invocationId: string): OomRun {
    const known = unit.runs.find((run) => run.invocationId === invocationId)
    if (known !== undefined) return known
    const run = new OomRun(invocationId)
    if (this.#ends.get(name)?.state.invocationId === invocationId) run.end()
    unit.runs.push(run)
    if (unit.runs.length > kMaxRuns) unit.runs.shift()
    return run
  }

  #unit(name: string): Unit {
    const unit = this.#units.get(name) ?? { runs: [], loose: [], due: false }
    this.#units.delete(name)
    this.#units.set(name, unit)
    if (this.#units.size > kMaxUnits) {
      const [oldest, { runs, loose }] = this.#units.entries().next().value!
      this.#unattributed += loose.length + runs.filter(({ state }) => state !== 'nothing').length
      this.#units.delete(oldest)
    }
    return unit
  }
}
