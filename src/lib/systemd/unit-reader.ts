import type { UnitState } from '../../data/signal-record.js'
import type { ListedUnit, UnitSnapshot } from '../../data/unit-snapshot.js'
import { readConfigurations } from './configuration-reader.js'
import type { ControlPlane, Properties } from './control-plane.js'
import {
  getTyped,
  getUnit,
  isRefused,
  isUnknown,
  kUnitInterface,
  number,
  readEach,
  text,
  typeSuffix,
} from './unit-calls.js'

const kStamp = 'StateChangeTimestamp'
/** The first is the stamp, and it is asked first: what comes with it is not older. */
const unitProperties = [
  kStamp,
  'ActiveState',
  'SubState',
  'Job',
  'InvocationID',
  'ConditionResult',
  'AssertResult',
  'InactiveExitTimestamp',
  'ActiveEnterTimestamp',
  'ActiveExitTimestamp',
  'InactiveEnterTimestamp',
  'ConditionTimestamp',
] as const
const kStarted = 'ExecMainStartTimestamp'
/**
 * How the main process ended, or the one before it. While there is one, ExecMainPID is MainPID and the others are 0: systemd
 * begins them anew with each main process (`service_set_main_pid`), and clears MainPID when it ends.
 */
const endProperties = ['ExecMainPID', 'ExecMainCode', 'ExecMainStatus', 'ExecMainExitTimestamp'] as const
const serviceProperties = ['Result', 'MainPID', 'NRestarts', kStarted, ...endProperties] as const
const kCallsOfState = unitProperties.length + serviceProperties.length + 1

/** What an active unit is told by: its run, since when, and what the next signal is compared with. The stamp is asked last. */
const briefProperties = ['InvocationID', 'InactiveExitTimestamp', 'ActiveEnterTimestamp', kStamp] as const

/** And what is left out of it: of any unit, and of a service. */
const restProperties = ['ActiveExitTimestamp', 'InactiveEnterTimestamp', 'ConditionTimestamp', kStamp] as const
const restOfService = ['Result', 'MainPID', kStarted] as const
const kCallsOfRest = restProperties.length + restOfService.length

/** Readings of one unit that never stands still; what the last one mixes up, the signals that follow put right. */
const kMaxTries = 3

/**
 * Reads all there is to units that are known to be loaded, by single Gets of some 0.01 ms of PID 1 each: 21 for the state, 29
 * for configuration and dependencies. A GetAll of the Unit interface answers UnitFileState, too, for which systemd looks
 * through all unit folders, 1 to 3 ms, and one of the Service interface reads cgroup files.
 * See docs/decisions/0187-what-the-first-reading-costs.md.
 *
 * @returns the units that could still be read; one that vanished meanwhile is left out
 * @throws {CallError} when systemd does not answer or the connection ends
 */
export async function readUnits(plane: ControlPlane, names: readonly string[]): Promise<UnitSnapshot[]> {
  const states = await readStates(plane, names)
  const configurations = await readConfigurations(
    plane,
    states.map(({ name }) => name),
  )
  const read = new Map(configurations.map((one) => [one.name, one]))
  return states.map((state) => ({ ...state, ...read.get(state.name) }))
}

/** Reads the states alone, of units like those of `readUnits`. */
export function readStates(plane: ControlPlane, names: readonly string[]): Promise<UnitSnapshot[]> {
  return readEach(names, kCallsOfState, async (name) => ({ name, state: await readState(plane, name) }))
}

/**
 * Reads of units at rest what cannot wait, 5 Gets of a running service, 2 of a unit that never ran; of the others their whole
 * state. `brief` marks those of which something was left out.
 *
 * @param listed - as systemd has just listed them
 * @param askedUsec - when it was asked for that list, microseconds since 1970
 */
export function readBriefly(
  plane: ControlPlane,
  listed: readonly ListedUnit[],
  askedUsec: number,
): Promise<UnitSnapshot[]> {
  return readEach(listed, kCallsOfState, async (row) => {
    const read = isAtRest(row) ? await readAtRest(plane, row, askedUsec) : undefined
    return read ?? { name: row.name, state: await readState(plane, row.name) }
  })
}

/**
 * Reads what `readBriefly` has left out, 7 Gets of a running service.
 *
 * @param known - the brief states, by unit
 * @returns whole states, of units that are still in the same one
 */
export function readRest(
  plane: ControlPlane,
  known: readonly { readonly name: string; readonly state: UnitState }[],
): Promise<UnitSnapshot[]> {
  return readEach(known, kCallsOfRest, async ({ name, state }) => {
    const isService = typeSuffix(name) === 'service'
    const [typed, unit] = await Promise.all([
      isService ? getTyped(plane, name, restOfService) : getAllTyped(plane, name),
      getUnit(plane, name, restProperties),
    ])
    const runs = number(typed['MainPID']) !== 0
    const [end, { [kStamp]: stamp }] =
      isService && !runs
        ? await Promise.all([getTyped(plane, name, endProperties), getUnit(plane, name, [kStamp])])
        : [{ ExecMainPID: typed['MainPID'] }, unit]
    const same = number(stamp) === state.stateChangeUsec
    return { name, state: same ? withRest(state, unit, { ...typed, ...end }) : state }
  })
}

/** Nothing is under way, and nothing has failed. */
export function isAtRest({ activeState, jobId }: ListedUnit): boolean {
  return jobId === 0 && (activeState === 'active' || activeState === 'inactive')
}

/** Reads when each unit's state has last changed, microseconds since 1970: one call each. */
export async function readStamps(plane: ControlPlane, names: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const read = await readEach(names, 1, async (name) => {
    return { name, usec: number(await plane.getProperty(name, kUnitInterface, kStamp)) }
  })
  return new Map(read.map(({ name, usec }) => [name, usec]))
}

/** When systemd has last read its unit files, microseconds since 1970; undefined where it does not say (before systemd 250), or may not. */
export async function readConfiguredUsec(plane: ControlPlane): Promise<number | undefined> {
  try {
    return number(await plane.getManagerProperty('UnitsLoadTimestamp'))
  } catch (error) {
    if (!isUnknown(error) && !isRefused(error)) throw error
    return undefined
  }
}

/** Undefined where the list does not hold any more: the stamp, asked last, tells; or where there is more to know. */
async function readAtRest(plane: ControlPlane, row: ListedUnit, askedUsec: number): Promise<UnitSnapshot | undefined> {
  const { name, activeState, subState } = row
  const listed = { ActiveState: activeState, SubState: subState }
  if (activeState !== 'active') {
    const unit = await getUnit(plane, name, ['ConditionTimestamp', kStamp])
    const everRan = number(unit[kStamp]) > 0 || number(unit['ConditionTimestamp']) > 0
    return everRan ? undefined : { name, state: stateOf(listed, {}) }
  }
  const typing = typeSuffix(name) === 'service' ? getTyped(plane, name, ['NRestarts']) : {}
  const [typed, unit] = await Promise.all([typing, getUnit(plane, name, briefProperties)])
  if (number(unit[kStamp]) >= askedUsec) return undefined
  // Both are true of what is active.
  const state = stateOf({ ...unit, ...listed, ConditionResult: true, AssertResult: true }, typed)
  return { name, state, brief: true }
}

/** Of one instant, though by many calls, all in one go: what was read while the state changed is read again. */
async function readState(plane: ControlPlane, name: string): Promise<UnitState> {
  for (let left = kMaxTries; ; left--) {
    const [unit, typed, last] = await Promise.all([
      getUnit(plane, name, unitProperties),
      getAllTyped(plane, name),
      getUnit(plane, name, [kStamp]),
    ])
    if (last[kStamp] === unit[kStamp] || left === 1) return stateOf(unit, typed)
  }
}

function getAllTyped(plane: ControlPlane, name: string): Promise<Properties> {
  const type = typeSuffix(name)
  const timer = ['Result', 'LastTriggerUSec']
  return getTyped(plane, name, type === 'service' ? serviceProperties : type === 'timer' ? timer : ['Result'])
}

function withRest(state: UnitState, unit: Properties, typed: Properties): UnitState {
  return {
    ...state,
    result: text(typed['Result']),
    mainPid: number(typed['MainPID']),
    lastTriggerUsec: number(typed['LastTriggerUSec']),
    activeExitUsec: number(unit['ActiveExitTimestamp']),
    inactiveEnterUsec: number(unit['InactiveEnterTimestamp']),
    conditionUsec: number(unit['ConditionTimestamp']),
    execMainPid: number(typed['ExecMainPID']),
    execMainCode: number(typed['ExecMainCode']),
    execMainStatus: number(typed['ExecMainStatus']),
    execMainStartUsec: number(typed[kStarted]),
    execMainExitUsec: number(typed['ExecMainExitTimestamp']),
  }
}

/**
 * An inactive unit's next signal brings all of it; only what that is compared with is taken: systemd keeps NRestarts until
 * the next start.
 */
function ofIdle({ NRestarts, LastTriggerUSec }: Properties): Properties {
  return { NRestarts, LastTriggerUSec, Result: 'success' }
}

function stateOf(unit: Properties, read: Properties): UnitState {
  const job = unit['Job'] as readonly [number, string] | undefined
  const id = unit['InvocationID']
  const typed = unit['ActiveState'] === 'inactive' ? ofIdle(read) : read
  return {
    activeState: text(unit['ActiveState']),
    subState: text(unit['SubState']),
    result: text(typed['Result']),
    jobId: job?.[0] ?? 0,
    mainPid: number(typed['MainPID']),
    controlPid: 0,
    nRestarts: number(typed['NRestarts']),
    execMainPid: number(typed['ExecMainPID']),
    execMainCode: number(typed['ExecMainCode']),
    execMainStatus: number(typed['ExecMainStatus']),
    invocationId: id instanceof Uint8Array ? Buffer.from(id).toString('hex') : '',
    conditionResult: unit['ConditionResult'] === true,
    assertResult: unit['AssertResult'] === true,
    stateChangeUsec: number(unit[kStamp]),
    inactiveExitUsec: number(unit['InactiveExitTimestamp']),
    activeEnterUsec: number(unit['ActiveEnterTimestamp']),
    activeExitUsec: number(unit['ActiveExitTimestamp']),
    inactiveEnterUsec: number(unit['InactiveEnterTimestamp']),
    execMainStartUsec: number(typed[kStarted]),
    execMainExitUsec: number(typed['ExecMainExitTimestamp']),
    lastTriggerUsec: number(typed['LastTriggerUSec']),
    conditionUsec: number(unit['ConditionTimestamp']),
  }
}
