import type { UnitState } from '../../data/signal-record.js'
import type { Occurrence } from './occurrence.js'
import type { OomEvidence, OomLoss } from './oom-evidence.js'
import { OomLosses, type OomShare, type Undecided } from './oom-losses.js'
import { type OomReport, OomRun } from './oom-run.js'
import { RecentEnds } from './recent-ends.js'
import { unloadedState } from './unit-phase.js'

/** Units whose kills are remembered, and runs of each: what tells of one kill comes within a second. */
const kMaxUnits = 512
const kMaxRuns = 4
/** Evidence of a unit that waits until it is known whose run it is of. */
const kMaxLoose = 64

/** What is known of one unit. Oldest first. */
interface Unit {
  readonly runs: OomRun[]
  loose: OomEvidence[]
  /** Something waits since before the last sweep. */
  due: boolean
}

/** A report, and the run it is of. */
export interface OomTold {
  readonly unit: string
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
  /** Ends of runs, or what was told of one by result(). */
  readonly #ends = new RecentEnds()
  readonly #losses: OomLosses
  readonly #current: (unit: string) => UnitState | undefined
  #unsettled = false
  #unattributed = 0

  /** @param current - the state of a unit, as far as it is known */
  constructor(current: (unit: string) => UnitState | undefined) {
    this.#current = current
    this.#losses = new OomLosses(this.#ends, (unit, id, sinceUsec) => this.#find(unit, id)?.toldBy(sinceUsec))
  }

  /** Whether sweep() is to be called in a while. */
  get waits(): boolean {
    return this.#unsettled || this.#losses.waits
  }

  /** Kills that only slices have counted, and that are told of nobody, by the reason; each only grows. */
  get undecided(): Readonly<Record<Undecided, number>> {
    return this.#losses.undecided
  }

  /** What was told of kills and led to no event: nobody knows the run, or it was too much at once; only grows. */
  get unattributed(): number {
    return this.#unattributed
  }

  /** Whether this run died of a kill, as far as is known. */
  died(unit: string, invocationId: string): boolean {
    return this.#find(unit, invocationId)?.died ?? false
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
    this.#ends.remember(name, what)
    run.addResult()
    this.#unsettled = true
    return this.#complete(name, run)
  }

  /** A run has ended, of whatever. */
  ended(name: string, what: Occurrence): OomTold[] {
    this.#ends.remember(name, what)
    const run = this.#find(name, what.state.invocationId)
    run?.end()
    const told = run === undefined ? [] : this.#complete(name, run)
    return this.#losses.waits ? [...told, ...this.#share(this.#losses.ended(name))] : told
  }

  /** A slice tells of kills in cgroups that are gone. */
  takeLoss(loss: OomLoss): OomTold[] {
    return this.#share(this.#losses.take(loss))
  }

  /** A while has passed: what has waited since before the last call is told as it is. */
  sweep(): OomTold[] {
    this.#unsettled = false
    const out = this.#share(this.#losses.sweep())
    let last = ''
    for (const [name, unit] of this.#units) {
      if (unit.due) {
        for (const evidence of unit.loose.splice(0)) {
          const run = this.#guess(evidence, unit)
          if (run === undefined) this.#unattributed++
          else run.add(evidence)
        }
        for (const run of unit.runs) {
          if (run.state !== 'nothing') {
            out.push(this.#told(name, run))
            last = name
          } else run.settle()
        }
      }
      unit.due = unit.loose.length > 0 || unit.runs.some(({ state }) => state !== 'nothing')
      // What was told just now settles with the next call but one.
      if (unit.due || last === name) {
        unit.due = true
        this.#unsettled = true
      }
    }
    return out
  }

  #share(shares: readonly OomShare[]): OomTold[] {
    return shares.flatMap(({ unit: name, invocationId, kills, atUsec }) => {
      const run = this.#run(name, this.#unit(name), invocationId)
      run.addLost(kills, atUsec)
      this.#unsettled = true
      return this.#complete(name, run)
    })
  }

  #complete(name: string, run: OomRun): OomTold[] {
    return run.state === 'complete' ? [this.#told(name, run)] : []
  }

  #told(name: string, run: OomRun): OomTold {
    const { invocationId } = run
    const report = run.report()
    const end = this.#ends.find(name, invocationId)
    if (end !== undefined) return { unit: name, invocationId, report, state: end.state, before: end.before }
    const current = this.#current(name)
    const state = current?.invocationId === invocationId ? current : { ...unloadedState, invocationId }
    return { unit: name, invocationId, report, state, before: state }
  }

  /** The run it is of, if that is sure. */
  #runOf({ unit: name, invocationId, victim }: OomEvidence, unit: Unit): OomRun | undefined {
    if (invocationId !== '') return this.#run(name, unit, invocationId)
    const known = [this.#current(name), this.#ends.last(name)?.state]
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
    const end = this.#ends.last(evidence.unit)?.state
    const fits = current !== undefined && current.invocationId !== '' && current.inactiveExitUsec <= evidence.atUsec
    const state = fits ? current : end
    return state === undefined || state.invocationId === ''
      ? undefined
      : this.#run(evidence.unit, unit, state.invocationId)
  }

  #find(unit: string, invocationId: string): OomRun | undefined {
    return this.#units.get(unit)?.runs.find((run) => run.invocationId === invocationId)
  }

  #run(name: string, unit: Unit, invocationId: string): OomRun {
    const known = unit.runs.find((run) => run.invocationId === invocationId)
    if (known !== undefined) return known
    const run = new OomRun(invocationId)
    if (this.#ends.find(name, invocationId) !== undefined) run.end()
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
