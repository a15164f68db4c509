import {
  type DependencyEnds,
  type DependencyProperty,
  dependencyInverses,
  dependencyProperties,
  type UnitDependencies,
} from '../../data/unit-dependencies.js'
import { type ExitStatuses, noStatuses, type UnitFacts } from '../../data/unit-snapshot.js'
import type { ControlPlane, Properties } from './control-plane.js'
import { getTyped, getUnit, isUnknown, kUnitInterface, number, readEach, text, typeSuffix } from './unit-calls.js'

/** What a unit's files say. */
export interface UnitConfiguration {
  readonly name: string
  readonly facts: UnitFacts
  /** Absent where they were not asked for. */
  readonly dependencies?: UnitDependencies
  /** At which end of them was looked. */
  readonly ends?: DependencyEnds | undefined
}

// RestartForceExitStatus= restarts whatever Restart= says (systemd.service(5)).
const serviceProperties = [
  'Type',
  'RemainAfterExit',
  'Restart',
  'RestartUSec',
  'RestartPreventExitStatus',
  'RestartForceExitStatus',
] as const
const kCallsOfConfiguration = 1 + serviceProperties.length + dependencyProperties.length
/** Statuses kept per list: there are 256 exit codes and 64 signals. */
const kMaxStatuses = 320

const propertiesOf: Readonly<Record<DependencyEnds, readonly DependencyProperty[]>> = {
  needs: Object.keys(dependencyInverses) as (keyof typeof dependencyInverses)[],
  neededBy: Object.values(dependencyInverses),
  both: dependencyProperties,
}

/**
 * Reads the configuration of units that are known to be loaded, by single Gets: 29 of a service with its dependencies, 18 with
 * what it needs alone. UnitFileState is not among them, see `readFileStates`.
 *
 * @param endsOf - at which end of a unit's dependencies to look; undefined for none
 * @returns those that could still be read
 * @throws {CallError} when systemd does not answer or the connection ends
 */
export function readConfigurations(
  plane: ControlPlane,
  names: readonly string[],
  endsOf: (name: string) => 'needs' | 'both' | undefined = () => 'both',
): Promise<UnitConfiguration[]> {
  return readEach(names, kCallsOfConfiguration, async (name) => {
    const ends = endsOf(name)
    const [typed, { LoadState, Requires }, dependencies] = await Promise.all([
      readTyped(plane, name),
      getUnit(plane, name, ends === undefined ? ['LoadState', 'Requires'] : ['LoadState']),
      ends === undefined ? undefined : dependenciesOf(plane, name, ends),
    ])
    const facts = factsOf(name, LoadState, dependencies?.Requires ?? Requires, typed)
    return dependencies === undefined ? { name, facts } : { name, facts, dependencies, ends }
  })
}

/** Reads the dependencies alone. */
export function readDependencies(
  plane: ControlPlane,
  names: readonly string[],
  ends: DependencyEnds,
): Promise<{ readonly name: string; readonly dependencies: UnitDependencies }[]> {
  return readEach(names, propertiesOf[ends].length, async (name) => {
    return { name, dependencies: await dependenciesOf(plane, name, ends) }
  })
}

/** Reads UnitFileState: 1 to 3 ms of PID 1 for each, the first time after it was loaded or systemd was reloaded. */
export async function readFileStates(
  plane: ControlPlane,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  // One at a time: PID 1 serves others in between.
  const read = new Map<string, string>()
  for (const name of names)
    for (const { UnitFileState } of await readEach([name], 1, () => getUnit(plane, name, ['UnitFileState'])))
      read.set(name, text(UnitFileState))
  return read
}

function readTyped(plane: ControlPlane, name: string): Promise<Properties> {
  const type = typeSuffix(name)
  return getTyped(plane, name, type === 'service' ? serviceProperties : type === 'mount' ? ['Type'] : [])
}

async function dependenciesOf(plane: ControlPlane, name: string, ends: DependencyEnds): Promise<UnitDependencies> {
  const dependencies: { -readonly [property in DependencyProperty]?: readonly string[] } = {}
  const get = async (property: DependencyProperty): Promise<void> => {
    try {
      const names = await plane.getProperty(name, kUnitInterface, property)
      if (Array.isArray(names) && names.length > 0) dependencies[property] = names as string[]
    } catch (error) {
      // An older systemd lacks some (StopPropagatedFrom= came with 249); the first of them has always been there.
      if (!isUnknown(error) || property === propertiesOf[ends][0]) throw error
    }
  }
  await Promise.all(propertiesOf[ends].map(get))
  return dependencies
}

function factsOf(name: string, loadState: unknown, requires: unknown, typed: Properties): UnitFacts {
  const type = typeSuffix(name)
  const facts = {
    serviceType: type === 'service' ? text(typed['Type']) : '',
    slice: sliceOf(Array.isArray(requires) ? (requires as string[]) : []),
    masked: loadState === 'masked',
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
