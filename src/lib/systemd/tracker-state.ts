import type { UnitState } from '../../data/signal-record.js'
import { type RestartCause, restartCauses } from './restart-cause.js'
import type { SavedCounter } from './unit-counters.js'
import { type MachineMemory, runs } from './unit-machine.js'
import { unloadedState } from './unit-phase.js'
import { type Verdict, verdicts } from './verdict.js'

/** Of the form below; one of another version is not read. */
export const kTrackerStateVersion = 1

/** 250 bytes each, so 4 MB at most. Hosts load some 1000 units; past it those that were never restarted nor failed are left out. */
export const kMaxSavedUnits = 16_384
/** As many as a store remembers. */
const kMaxEnded = 256
/** Far more than are refused within the seconds of the journal that are read twice. */
export const kMaxJobsTold = 1024
/** As many as systemd has results, and more. */
const kMaxCounters = 24
/** systemd's longest names have 255 letters. */
const kMaxTextLength = 255

type Value = string | number | boolean

/** What is needed to go on with a unit as if nothing had been in between. */
export interface SavedUnit {
  readonly name: string
  /** Since when its counters count, nanoseconds since 1970. */
  readonly sinceNs: string
  /** Last state, of a unit that was loaded: values in the order of `unloadedState`. */
  readonly state?: readonly Value[]
  readonly machine?: MachineMemory
  /** Of its last end, empty once that is over; and whether a job had asked for that end. */
  readonly verdict?: Verdict | ''
  readonly endAsked?: boolean
  /** A restart under way: cause, unit it is due to, run that ended. */
  readonly restart?: readonly [cause: RestartCause, dueTo: string, ended: string]
  readonly restarts?: readonly SavedCounter[]
  readonly failures?: readonly SavedCounter[]
}

/** Last run of a unit that is not loaded any more: name, run, when it was last heard of (microseconds since 1970). */
export type EndedUnit = readonly [name: string, invocationId: string, atUsec: number]

export interface SavedTracker {
  /** 32 hex digits; empty where it is not known. */
  readonly bootId: string
  /** What happened until then is in the counters, nanoseconds since 1970. */
  readonly accountedNs: string
  readonly sinceNs: string
  readonly units: readonly SavedUnit[]
  readonly ended: readonly EndedUnit[]
  /** Jobs whose refusal was told, the last of them; none in a file of an earlier release. */
  readonly jobs?: readonly number[]
}

const stateKeys = Object.keys(unloadedState) as readonly (keyof UnitState)[]

export function stateValues(state: UnitState): Value[] {
  return stateKeys.map((key) => state[key])
}

export function stateOfValues(values: readonly Value[]): UnitState {
  return Object.fromEntries(stateKeys.map((key, at) => [key, values[at]])) as unknown as UnitState
}

/** Takes apart what was saved; throws with a reason when it is not of this form. Nothing else of it comes in. */
export function parseTracker(json: unknown): SavedTracker {
  const { bootId, accountedNs, sinceNs, units, ended, jobs = [] } = record(json)
  check(typeof bootId === 'string' && /^([0-9a-f]{32})?$/.test(bootId), 'bootId is no boot ID')
  check(isNs(accountedNs), 'accountedNs is no time')
  check(isNs(sinceNs), 'sinceNs is no time')
  check(Array.isArray(units) && units.length <= kMaxSavedUnits, 'units is no list of units')
  check(Array.isArray(ended) && ended.length <= kMaxEnded && ended.every(isEnded), 'ended is no list of runs')
  check(Array.isArray(jobs) && jobs.length <= kMaxJobsTold && jobs.every(isCount), 'jobs is no list of job IDs')
  return { bootId, accountedNs, sinceNs, units: units.map(parseUnit), ended, jobs }
}

function parseUnit(json: unknown, index: number): SavedUnit {
  const { name, sinceNs, state, machine, verdict, endAsked, restart, restarts, failures } = record(json)
  const at = (what: string): string => `units[${index}].${what}`
  check(isText(name) && /^[^/]+\.[a-z]+$/.test(name), at('name is no unit name'))
  check(isNs(sinceNs), at('sinceNs is no time'))
  check(state === undefined || isState(state), at('state is no state'))
  check(machine === undefined || isMemory(machine), at('machine is no memory of a machine'))
  check(verdict === undefined || isVerdict(verdict), at('verdict is no verdict'))
  check(endAsked === undefined || typeof endAsked === 'boolean', at('endAsked is neither true nor false'))
  check(restart === undefined || isRestart(restart), at('restart is no restart'))
  check(restarts === undefined || areCounters(restarts), at('restarts is no list of counters'))
  check(failures === undefined || areCounters(failures), at('failures is no list of counters'))
  return {
    name,
    sinceNs,
    ...(state && { state }),
    ...(machine && { machine }),
    ...(verdict === undefined ? {} : { verdict }),
    ...(endAsked && { endAsked }),
    ...(restart && { restart }),
    ...(restarts && { restarts }),
    ...(failures && { failures }),
  }
}

function check(fits: boolean, reason: string): asserts fits {
  if (!fits) throw new Error(reason)
}

function record(json: unknown): Record<string, unknown> {
  return (json ?? {}) as Record<string, unknown>
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= kMaxTextLength
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isNs(value: unknown): value is string {
  return typeof value === 'string' && /^\d{1,19}$/.test(value)
}

function isState(value: unknown): value is readonly Value[] {
  const usual = stateValues(unloadedState)
  return Array.isArray(value) && value.length === usual.length && value.every((one, at) => isLike(one, usual[at]!))
}

function isLike(value: unknown, usual: Value): boolean {
  if (typeof usual === 'string') return isText(value)
  return typeof usual === 'number' ? isCount(value) : typeof value === 'boolean'
}

function isMemory(value: unknown): value is MachineMemory {
  if (!Array.isArray(value) || value.length !== 5) return false
  const [run, restart, held, warned, before] = value as readonly unknown[]
  const isTold = includes(runs, run) && includes(['', 'auto', 'manual'], restart) && typeof held === 'boolean'
  return isTold && isText(warned) && isText(before)
}

function isEnded(row: unknown): row is EndedUnit {
  return Array.isArray(row) && row.length === 3 && isText(row[0]) && isText(row[1]) && isCount(row[2])
}

function isVerdict(value: unknown): value is Verdict | '' {
  return value === '' || includes(verdicts, value)
}

function isRestart(value: unknown): value is readonly [RestartCause, string, string] {
  return Array.isArray(value) && value.length === 3 && includes(restartCauses, value[0]) && value.every(isText)
}

function areCounters(value: unknown): value is readonly SavedCounter[] {
  return Array.isArray(value) && value.length <= kMaxCounters && value.every(isCounter)
}

function isCounter(row: unknown): row is SavedCounter {
  if (!Array.isArray(row) || row.length !== 4) return false
  const [key, value, invocationId, atUsec] = row as readonly unknown[]
  return isText(key) && isCount(value) && isText(invocationId) && isCount(atUsec)
}

function includes(list: readonly string[], value: unknown): boolean {
  return typeof value === 'string' && list.includes(value)
}
