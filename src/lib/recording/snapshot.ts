import type { UnitState } from '../../data/signal-record.js'
import { type DependencyProperty, dependencyProperties, type UnitDependencies } from '../../data/unit-dependencies.js'
import type { ExitStatuses, RestartPolicy, Snapshot, UnitFacts, UnitSnapshot } from '../../data/unit-snapshot.js'
import { dependenciesOfVersion1, isOfVersion1, withInverses } from './version-1.js'

type FieldType = 'text' | 'id' | 'number' | 'boolean'

/** What each field of a state must be; the compiler keeps the list complete. */
const stateFields: Readonly<Record<keyof UnitState, FieldType>> = {
  activeState: 'text',
  subState: 'text',
  result: 'text',
  jobId: 'number',
  mainPid: 'number',
  controlPid: 'number',
  nRestarts: 'number',
  execMainPid: 'number',
  execMainCode: 'number',
  execMainStatus: 'number',
  invocationId: 'id',
  conditionResult: 'boolean',
  assertResult: 'boolean',
  stateChangeUsec: 'number',
  inactiveExitUsec: 'number',
  activeEnterUsec: 'number',
  activeExitUsec: 'number',
  inactiveEnterUsec: 'number',
  execMainStartUsec: 'number',
  execMainExitUsec: 'number',
  lastTriggerUsec: 'number',
  conditionUsec: 'number',
}

/** As in the native decoder: systemd's longest state name has 25 letters, its longest result 16. */
const kMaxTextLength = 255
/** 255 bytes with the suffix (systemd.unit(5)). */
const kMaxNameLength = 255
/** As many as units are followed: all of a host may be ordered before shutdown.target. */
const kMaxDependencies = 65_536
/** There are 256 exit codes and 64 signals. */
const kMaxStatuses = 320

export function encodeSnapshot({ realtimeNs, units }: Snapshot): Buffer {
  return Buffer.from(JSON.stringify({ realtimeNs: String(realtimeNs), units }))
}

/** The units asked for, without the names of others they depend on. */
export function onlyUnits(units: readonly UnitSnapshot[], wanted: (unit: string) => boolean): readonly UnitSnapshot[] {
  return units
    .filter(({ name }) => wanted(name))
    .map(({ dependencies, ...unit }) => {
      if (dependencies === undefined) return unit
      const known = Object.entries(dependencies).map(([property, names]) => [property, names.filter(wanted)] as const)
      return { ...unit, dependencies: Object.fromEntries(known.filter(([, names]) => names.length > 0)) }
    })
}

/** Reads what `encodeSnapshot` wrote; a text says what is wrong with anything else. */
export function decodeSnapshot(value: unknown): Snapshot | string {
  const { realtimeNs, units } = (value ?? {}) as Record<string, unknown>
  if (typeof realtimeNs !== 'string' || !/^\d{1,19}$/.test(realtimeNs)) return 'realtimeNs is no time'
  if (!Array.isArray(units)) return 'units is no list'
  const read: UnitSnapshot[] = []
  for (const [index, unit] of units.entries()) {
    const one = readUnit(unit)
    if (typeof one === 'string') return `units[${index}].${one}`
    read.push(one)
  }
  return { realtimeNs: BigInt(realtimeNs), units: units.some(isOfVersion1) ? withInverses(read) : read }
}

function readUnit(value: unknown): UnitSnapshot | string {
  const { name, state, facts, dependencies } = (value ?? {}) as Record<string, unknown>
  if (!isName(name)) return 'name is no unit name'
  const given = (state ?? {}) as Record<string, unknown>
  for (const [field, type] of Object.entries(stateFields)) {
    if (!fits(given[field], type)) return `state.${field} is no ${type}`
  }
  // Picked one by one: what else the file holds does not come in.
  const picked = Object.fromEntries(Object.keys(stateFields).map((field) => [field, given[field]]))
  const unit = { name, state: picked as unknown as UnitState }
  if (facts === undefined) return unit
  const read = readFacts(facts)
  if (typeof read === 'string') return `facts.${read}`
  const needs = readDependencies(dependencies ?? dependenciesOfVersion1(facts))
  return typeof needs === 'string' ? needs : { ...unit, facts: read, dependencies: needs }
}

function readDependencies(value: unknown): UnitDependencies | string {
  const given = (value ?? {}) as Record<string, unknown>
  const read: { -readonly [property in DependencyProperty]?: readonly string[] } = {}
  for (const property of dependencyProperties) {
    const names = given[property]
    if (names === undefined) continue
    if (!areNames(names)) return `dependencies.${property} is no list of unit names`
    if (names.length > 0) read[property] = names
  }
  return read
}

function readFacts(value: unknown): UnitFacts | string {
  const given = (value ?? {}) as Record<string, unknown>
  const { serviceType, slice, mountType, masked, unitFileState, remainAfterExit, restart } = given
  if (!fits(serviceType, 'text')) return 'serviceType is no text'
  if (slice !== undefined && !fits(slice, 'text')) return 'slice is no text'
  if (mountType !== undefined && !fits(mountType, 'text')) return 'mountType is no text'
  if (masked !== undefined && !fits(masked, 'boolean')) return 'masked is no boolean'
  if (unitFileState !== undefined && !fits(unitFileState, 'text')) return 'unitFileState is no text'
  if (remainAfterExit !== undefined && !fits(remainAfterExit, 'boolean')) return 'remainAfterExit is no boolean'
  if (restart !== undefined && !isPolicy(restart)) return 'restart is no restart policy'
  return {
    serviceType: serviceType as string,
    // Recordings of before hold none of these.
    ...(slice === undefined ? {} : { slice: slice as string }),
    ...(mountType === undefined ? {} : { mountType: mountType as string }),
    ...(masked === undefined ? {} : { masked: masked as boolean }),
    ...(unitFileState === undefined ? {} : { unitFileState: unitFileState as string }),
    ...(remainAfterExit === undefined ? {} : { remainAfterExit: remainAfterExit as boolean }),
    ...(restart === undefined ? {} : { restart }),
  }
}

function isPolicy(value: unknown): value is RestartPolicy {
  const { when, delayUsec, prevent, force } = (value ?? {}) as Record<string, unknown>
  // RestartSec=infinity is 2^64 - 1: no safe integer, and a number all the same.
  return (
    fits(when, 'text') && typeof delayUsec === 'number' && delayUsec >= 0 && areStatuses(prevent) && areStatuses(force)
  )
}

function areStatuses(value: unknown): value is ExitStatuses {
  const { codes, signals } = (value ?? {}) as Record<string, unknown>
  const fitting = (list: unknown): boolean =>
    Array.isArray(list) && list.length <= kMaxStatuses && list.every((one) => fits(one, 'number'))
  return fitting(codes) && fitting(signals)
}

function fits(value: unknown, type: FieldType): boolean {
  if (type === 'number') return Number.isSafeInteger(value) && (value as number) >= 0
  if (type === 'boolean') return typeof value === 'boolean'
  if (typeof value !== 'string') return false
  return type === 'id' ? /^([0-9a-f]{32})?$/.test(value) : value.length <= kMaxTextLength
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= kMaxNameLength && /^[^/]+\.[a-z]+$/.test(value)
}

function areNames(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= kMaxDependencies && value.every(isName)
}
