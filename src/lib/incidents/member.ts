import type { Resource } from '../../data/resource.js'
import type { Cause } from './cause.js'
import type { Standing } from './incident-state.js'
import type { SavedMember } from './saved-incident.js'
import type { Stretch } from './stretch.js'
import type { Impact, ReportKind, UnitReport } from './unit-report.js'

/** What goes on with it now; told as a stretch when it is over. */
interface Open {
  readonly kind: Stretch['kind']
  readonly sinceNano: bigint
  readonly runId: string
}

/** systemd's word for it. */
const kOutOfMemory = 'oom-kill'

/** A stretch as a unit knows it: the incident numbers them. */
export type OwnStretch = Omit<Stretch, 'number'>

/** One unit's part in an incident. */
export class Member {
  readonly unit: string
  readonly scope: string
  /** Of what was only named, that of the unit which named it. */
  resource: Resource
  /** The root cause has none. */
  cause: Cause | undefined
  standing: Standing = 'named'
  failures = 0
  /** How it failed last. */
  reason = ''
  /** The run that failed first. */
  failedRun = ''
  impact: Impact | undefined
  memoryScope: string | undefined
  /** When its trouble began, nanoseconds since 1970. */
  beganNano: bigint
  /** When something was last told of it. */
  lastNano = 0n
  #open: Open | undefined
  #countedRun: string | undefined
  /** The run that ended for want of memory. */
  #memoryRun = ''
  /** What happened until then is known from before a restart of the agent, whose journal tells it once more. */
  #knownNano = -1n

  constructor(report: Pick<UnitReport, 'unit' | 'scope' | 'resource' | 'beganNano'>, cause: Cause | undefined) {
    this.unit = report.unit
    this.scope = report.scope
    this.resource = report.resource
    this.beganNano = report.beganNano
    this.cause = cause
  }

  static restored(saved: SavedMember): Member {
    const { beganNano, open } = saved
    const member = new Member({ ...saved, beganNano: BigInt(beganNano) }, saved.cause)
    member.standing = saved.standing
    member.failures = saved.failures
    member.reason = saved.reason
    member.failedRun = saved.failedRun
    member.impact = saved.impact
    member.memoryScope = saved.memoryScope
    member.lastNano = BigInt(saved.lastNano)
    member.#knownNano = member.lastNano
    if (open !== undefined) member.#open = { ...open, sinceNano: BigInt(open.sinceNano) }
    member.#countedRun = saved.countedRun
    member.#memoryRun = saved.memoryRun
    return member
  }

  save(): SavedMember {
    const { unit, scope, resource, cause, standing, failures, reason, failedRun, impact, memoryScope } = this
    const open = this.#open
    return {
      unit,
      scope,
      resource,
      ...(cause && { cause }),
      standing,
      failures,
      reason,
      failedRun,
      ...(impact && { impact }),
      ...(memoryScope === undefined ? {} : { memoryScope }),
      beganNano: String(this.beganNano),
      lastNano: String(this.lastNano),
      ...(open && { open: { ...open, sinceNano: String(open.sinceNano) } }),
      ...(this.#countedRun === undefined ? {} : { countedRun: this.#countedRun }),
      memoryRun: this.#memoryRun,
    }
  }

  /** Whether an earlier life of the agent has taken it in. */
  knows({ atNano }: UnitReport): boolean {
    return atNano <= this.#knownNano
  }

  /** The run that failed last; empty where none is known. */
  get lastFailedRun(): string {
    return this.#countedRun ?? ''
  }

  get failed(): boolean {
    return this.failures > 0
  }

  /** Takes in what the unit did; returns what is over by it. */
  observe(report: UnitReport): OwnStretch[] {
    if (this.standing === 'named') this.beganNano = report.beganNano
    this.resource = report.resource
    if (report.kind === 'failing' && report.runId === this.#countedRun) {
      this.#noteReason(report) // the kernel's word on a failure that was told of already
      return []
    }
    if (report.atNano > this.lastNano) this.lastNano = report.atNano
    const over = this.#settle(report)
    this.standing = standingAfter(report, this.standing)
    return over
  }

  /** Its part is over. */
  end(atNano: bigint): OwnStretch[] {
    const open = this.#open
    this.#open = undefined
    return open === undefined ? [] : [this.#stretch(open, atNano)]
  }

  #settle(report: UnitReport): OwnStretch[] {
    switch (report.kind) {
      case 'failing':
        this.#noteReason(report)
        return []
      case 'failed':
        return this.#fail(report)
      case 'refused':
        if (this.reason === '') this.#noteReason(report)
        return this.#turn('down', report.atNano, report.runId)
      case 'waiting':
        // The second half of a failure, or all there is of it where the first was not seen.
        return report.reason === '' ? this.#turn('restart', report.atNano, report.runId) : this.#fail(report)
      case 'taken_down':
        return this.#turn('down', report.beganNano, report.runId)
      case 'starting':
      case 'up':
        return this.#turn('up', report.runBeganNano ?? report.atNano, report.runId)
      case 'done':
      case 'ended':
        return this.end(report.atNano)
    }
  }

  #fail(report: UnitReport): OwnStretch[] {
    const next = report.verdict === 'will_restart' || report.kind === 'waiting' ? 'restart' : 'down'
    if (report.runId !== '' && report.runId === this.#countedRun) {
      // What was not known when it failed: it has been down for the same reason all the time.
      if (this.#open !== undefined && this.#open.kind !== 'up') this.#open = { ...this.#open, kind: next }
      return []
    }
    this.#countedRun = report.runId
    this.failures++
    this.failedRun ||= report.runId
    this.#noteReason(report)
    // A run from before the incident is of interest only from where its trouble began.
    const ranNano = this.#open?.kind === 'up' ? this.#open.sinceNano : (report.runBeganNano ?? report.beganNano)
    const startNano = later(ranNano, this.beganNano)
    const over = this.#open?.kind === 'up' ? [] : this.end(startNano)
    this.#open = { kind: next, sinceNano: report.atNano, runId: report.runId }
    return [...over, this.#stretch({ kind: 'run', sinceNano: startNano, runId: report.runId }, report.atNano)]
  }

  /** One state of affairs ends where the next begins; told again, it goes on. */
  #turn(kind: Stretch['kind'], atNano: bigint, runId: string): OwnStretch[] {
    const open = this.#open
    if (open?.kind === kind && (kind !== 'up' || open.runId === runId)) return []
    this.#open = { kind, sinceNano: atNano, runId }
    // systemd tells first that it waits for a restart, and then that there will be none: nothing was waited for.
    if (open === undefined || (kind === 'down' && open.kind === 'restart' && atNano <= open.sinceNano)) return []
    return [this.#stretch(open, atNano)]
  }

  #noteReason({ reason, runId, impact, memoryScope }: UnitReport): void {
    // Who killed it says more than by which signal.
    if (reason !== '' && !(runId === this.#memoryRun && runId !== '')) this.reason = reason
    if (reason === kOutOfMemory) this.#memoryRun = runId
    this.impact ??= impact
    this.memoryScope ??= memoryScope
  }

  #stretch({ kind, sinceNano, runId }: Open, atNano: bigint): OwnStretch {
    return {
      kind,
      unit: this.unit,
      resource: this.resource,
      startNano: sinceNano,
      endNano: later(atNano, sinceNano),
      runId,
      reason: kind === 'run' ? this.reason : '',
      cause: kind === 'down' ? this.cause?.unit : undefined,
    }
  }
}

function later(a: bigint, b: bigint): bigint {
  if (a > b) return a
  return b
}

const standings: Readonly<Record<Exclude<ReportKind, 'failed'>, Standing>> = {
  failing: 'failing',
  refused: 'gave_up',
  taken_down: 'down',
  waiting: 'waiting',
  starting: 'starting',
  up: 'up',
  done: 'done',
  ended: 'ended',
}

function standingAfter({ kind, verdict, cause, reason }: UnitReport, before: Standing): Standing {
  const well = before === 'up' || before === 'done'
  // A job that runs each minute would never be well for longer; that it fails is told by other means.
  if (well && (kind === 'starting' || (kind === 'waiting' && reason === ''))) return before
  // A job that could not start it says nothing new of a unit that has given up.
  if (kind === 'taken_down' && (before === 'gave_up' || before === 'failed')) return before
  if (kind !== 'failed') return standings[kind]
  if (verdict === 'will_restart') return 'waiting'
  if (verdict === 'gave_up') return 'gave_up'
  return cause === undefined ? 'failed' : 'down'
}
