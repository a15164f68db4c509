import type { UnitState } from '../../data/signal-record.js'
import {
  type DependencyEnds,
  type DependencyProperty,
  dependencyInverses,
  dependencyProperties,
  type UnitDependencies,
} from '../../data/unit-dependencies.js'
import { type ExitStatuses, noStatuses, type UnitFacts, type UnitSnapshot } from '../../data/unit-snapshot.js'
import { CallError, type ControlPlane, type Properties } from './control-plane.js'

/** Calls on their way at once: enough to hide the round trip, few enough that PID 1 serves others in between. */
const kConcurrentUnits = 8

const kUnitInterface = 'org.freedesktop.systemd1.Unit'

/** Interfaces whose Result is worth a call. Slices, targets, devices and automounts have none. */
const interfaceOf: Readonly<Record<string, string>> = {
  service: 'org.freedesktop.systemd1.Service',
  socket: 'org.freedesktop.systemd1.Socket',
  timer: 'org.freedesktop.systemd1.Timer',
  mount: 'org.freedesktop.systemd1.Mount',
  path: 'org.freedesktop.systemd1.Path',
  swap: 'org.freedesktop.systemd1.Swap',
  scope: 'org.freedesktop.systemd1.Scope',
}

const serviceProperties = ['MainPID', 'NRestarts', 'ExecMainPID', 'ExecMainCode', 'ExecMainStatus'] as const
// RestartForceExitStatus= restarts whatever Restart= says (systemd.service(5)).
const configuration = ['Type', 'Restart', 'RestartForceExitStatus', 'RemainAfterExit'] as const
/** Asked only of a service that may be restarted: most on a host are not. */
const restartDetails = ['RestartUSec', 'RestartPreventExitStatus'] as const
/** Statuses kept per list: there are 256 exit codes and 64 signals. */
const kMaxStatuses = 320
const execTimestamps = ['ExecMainStartTimestamp', 'ExecMainExitTimestamp'] as const

/**
 * Reads units that are known to be loaded.
 *
 * One GetAll of the Unit interface gives states, timestamps, InvocationID and dependencies of one instant (0.10 ms of
 * PID 1). The type's interface is read by single Gets (0.03 ms each): its GetAll reads cgroup files, up to 3.5 ms.
 * See docs/decisions/0050-reading-units.md.
 *
 * @returns the units that could still be read; one that vanished meanwhile is left out
 * @throws {CallError} when systemd does not answer or the connection ends
 */
export function readUnits(plane: ControlPlane, names: readonly string[]): Promise<UnitSnapshot[]> {
  return readEach(names, (name) => readUnit(plane, name))
}

const propertiesOf: Readonly<Record<DependencyEnds, readonly DependencyProperty[]>> = {
  needs: Object.keys(dependencyInverses) as (keyof typeof dependencyInverses)[],
  neededBy: Object.values(dependencyInverses),
  both: dependencyProperties,
}

/**
 * Reads the dependencies alone, of units like those of `readUnits`, by single Gets: 0.02 ms of PID 1 each. A GetAll answers
 * UnitFileState, too, for which systemd looks through all unit folders once per unit and reload: 1 to 3 ms.
 */
export function readDependencies(
  plane: ControlPlane,
  names: readonly string[],
  ends: DependencyEnds,
): Promise<{ readonly name: string; readonly dependencies: UnitDependencies }[]> {
  return readEach(names, async (name) => {
    const unit: Record<string, unknown> = {}
    const get = async (property: DependencyProperty): Promise<void> => {
      try {
        unit[property] = await plane.getProperty(name, kUnitInterface, property)
      } catch (error) {
        // An older systemd lacks some (StopPropagatedFrom= came with 249); the first of them has always been there.
        const unknown = error instanceof CallError && error.dbusName !== undefined
        if (!unknown || property === propertiesOf[ends][0]) throw error
      }
    }
    await Promise.all(propertiesOf[ends].map(get))
    return { name, dependencies: dependenciesOf(unit) }
  })
}

/**
 * Reads when each unit's state has last changed, microseconds since 1970: one call of 0.03 ms each, where all of a unit is ten
 * times that.
 */
export async function readStamps(plane: ControlPlane, names: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const read = await readEach(names, async (name) => {
    return { name, usec: number(await plane.getProperty(name, kUnitInterface, 'StateChangeTimestamp')) }
  })
  return new Map(read.map(({ name, usec }) => [name, usec]))
}

/** When systemd has last read its unit files, microseconds since 1970; undefined where it does not say (before systemd 250). */
export async function readConfiguredUsec(plane: ControlPlane): Promise<number | undefined> {
  try {
    return number(await plane.getManagerProperty('UnitsLoadTimestamp'))
  } catch (error) {
    if (!(error instanceof CallError) || error.dbusName === undefined) throw error
    return undefined
  }
}

async function readEach<T extends object>(names: readonly string[], read: (name: string) => Promise<T>): Promise<T[]> {
  const found = new Map<string, T>()
  const queue = [...names]
  const worker = async (): Promise<void> => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      try {
        found.set(name, await read(name))
      } catch (error) {
        // An error name is systemd's answer about this unit; without one nobody answers any more.
        if (!(error instanceof CallError) || error.dbusName === undefined) throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(kConcurrentUnits, names.length) }, worker))
  return names.flatMap((name) => found.get(name) ?? [])
}

async function readUnit(plane: ControlPlane, name: string): Promise<UnitSnapshot> {
  const type = name.slice(name.lastIndexOf('.') + 1)
  const iface = interfaceOf[type]
  const unit = await plane.getProperties(name, kUnitInterface)
  const typed: Record<string, unknown> = {}
  const idle = unit['ActiveState'] === 'inactive'
  const get = async (property: string): Promise<void> => {
    typed[property] = await plane.getProperty(name, iface!, property)
  }
  await Promise.all(iface === undefined ? [] : wantedOf(type, idle).map(get))
  if (mayRestart(typed)) await Promise.all(restartDetails.map(get))
  return { name, state: stateOf(unit, typed), facts: factsOf(type, unit, typed), dependencies: dependenciesOf(unit) }
}

function mayRestart(typed: Properties): boolean {
  const when = typed['Restart']
  return when !== undefined && (when !== 'no' || statuses(typed['RestartForceExitStatus']) !== noStatuses)
}

function wantedOf(type: string, idle: boolean): readonly string[] {
  // An inactive unit's first signal brings all of it; only what is never signalled must be asked for, and what that signal
  // is compared with: systemd keeps NRestarts until the next start.
  if (type === 'service')
    return idle
      ? [...configuration, 'NRestarts']
      : [...configuration, 'Result', ...serviceProperties, ...execTimestamps]
  if (type === 'timer') return ['Result', 'LastTriggerUSec']
  if (type === 'mount') return idle ? ['Type'] : ['Type', 'Result']
  return idle ? [] : ['Result']
}

function stateOf(unit: Properties, typed: Properties): UnitState {
  const job = unit['Job'] as readonly [number, string] | undefined
  const id = unit['InvocationID']
  const idle = unit['ActiveState'] === 'inactive'
  return {
    activeState: text(unit['ActiveState']),
    subState: text(unit['SubState']),
    result: idle && typed['Result'] === undefined ? 'success' : text(typed['Result']),
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
    stateChangeUsec: number(unit['StateChangeTimestamp']),
    inactiveExitUsec: number(unit['InactiveExitTimestamp']),
    activeEnterUsec: number(unit['ActiveEnterTimestamp']),
    activeExitUsec: number(unit['ActiveExitTimestamp']),
    inactiveEnterUsec: number(unit['InactiveEnterTimestamp']),
    execMainStartUsec: number(typed['ExecMainStartTimestamp']),
    execMainExitUsec: number(typed['ExecMainExitTimestamp']),
    lastTriggerUsec: number(typed['LastTriggerUSec']),
    conditionUsec: number(unit['ConditionTimestamp']),
  }
}

function factsOf(type: string, unit: Properties, typed: Properties): UnitFacts {
  const requires = Array.isArray(unit['Requires']) ? (unit['Requires'] as string[]) : []
  const facts = {
    serviceType: type === 'service' ? text(typed['Type']) : '',
    slice: sliceOf(requires),
    unitFileState: text(unit['UnitFileState']),
  }
  if (type === 'mount') return { ...facts, mountType: text(typed['Type']) }
  return typed['Restart'] === undefined ? facts : { ...facts, ...serviceFacts(typed) }
}

function serviceFacts(typed: Properties): Pick<UnitFacts, 'remainAfterExit' | 'restart'> {
  const restart = {
    when: text(typed['Restart']),
    delayUsec: number(typed['RestartUSec']),
    prevent: statuses(typed['RestartPreventExitStatus']),
    force: statuses(typed['RestartForceExitStatus']),
  }
  return { remainAfterExit: typed['RemainAfterExit'] === true, restart }
}

/** D-Bus `(aiai)`: exit codes, signals. */
function statuses(value: unknown): ExitStatuses {
  const [codes, signals] = Array.isArray(value) ? (value as [unknown, unknown]) : []
  const list = (of: unknown): number[] => (Array.isArray(of) ? of.slice(0, kMaxStatuses).map(number) : [])
  const read = { codes: list(codes), signals: list(signals) }
  return read.codes.length + read.signals.length === 0 ? noStatuses : read
}

/**
 * Whatever has a cgroup requires its slice (`unit_add_slice_dependencies`), so Slice= needs no call of its own. Empty where a
 * unit requires further slices: which one it lies in is not to be seen.
 */
function sliceOf(requires: readonly string[]): string {
  const slices = requires.filter((name) => name.endsWith('.slice'))
  return slices.length === 1 ? slices[0]! : ''
}

function dependenciesOf(unit: Properties): UnitDependencies {
  const dependencies: { -readonly [property in DependencyProperty]?: readonly string[] } = {}
  for (const property of dependencyProperties) {
    const names = unit[property]
    if (Array.isArray(names) && names.length > 0) dependencies[property] = names as string[]
  }
  return dependencies
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function number(value: unknown): number {
  return typeof value === 'bigint' || typeof value === 'number' ? Number(value) : 0
}
