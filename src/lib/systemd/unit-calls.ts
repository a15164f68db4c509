import { CallError, type ControlPlane, type Properties } from './control-plane.js'

/**
 * Calls on their way at once: enough to hide the round trip, few enough that PID 1 serves others in between. dbus-daemon
 * refuses the 129th of a connection (`max_replies_per_connection`).
 */
const kMaxPendingCalls = 96

export const kUnitInterface = 'org.freedesktop.systemd1.Unit'

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

/** D-Bus errors, of the specification and of systemd's `bus-common-errors.h`. */
const unknown: ReadonlySet<string> = new Set([
  'org.freedesktop.systemd1.NoSuchUnit',
  'org.freedesktop.DBus.Error.UnknownObject',
  'org.freedesktop.DBus.Error.UnknownInterface',
  'org.freedesktop.DBus.Error.UnknownMethod',
  'org.freedesktop.DBus.Error.UnknownProperty',
  'org.freedesktop.DBus.Error.InvalidArgs',
])

/**
 * Asks about many units, several at once. One that is refused, as dbus-daemon does where too many calls wait, is asked
 * about once more when all others are through, alone.
 *
 * @param callsEach - how many calls `read` has on their way at most
 * @returns in the order of `units`, those that could still be read; one that vanished meanwhile is left out
 * @throws {CallError} when systemd does not answer, refuses to, or the connection ends: then nothing is known of any
 */
export async function readEach<U, T extends object>(
  units: readonly U[],
  callsEach: number,
  read: (unit: U) => Promise<T>,
): Promise<T[]> {
  const found = new Array<T | undefined>(units.length)
  const refused: number[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < units.length) {
      const at = next++
      try {
        found[at] = await read(units[at]!)
      } catch (error) {
        if (isRefused(error)) refused.push(at)
        else if (!isUnknown(error)) throw error
      }
    }
  }
  const workers = Math.min(Math.floor(kMaxPendingCalls / callsEach), units.length)
  await Promise.all(Array.from({ length: workers }, worker))
  for (const at of refused) {
    try {
      found[at] = await read(units[at]!)
    } catch (error) {
      if (!isUnknown(error)) throw error
    }
  }
  return found.filter((one) => one !== undefined)
}

/** systemd has no such unit any more, or no such property of it, and will have none a moment later. */
export function isUnknown(error: unknown): boolean {
  return error instanceof CallError && error.dbusName !== undefined && unknown.has(error.dbusName)
}

/** Somebody answers, and says nothing of the unit: the bus has too many calls waiting (`LimitsExceeded`), or no systemd. */
export function isRefused(error: unknown): boolean {
  return error instanceof CallError && error.dbusName !== undefined && !unknown.has(error.dbusName)
}

/** Properties of one unit by single Gets, asked in the order given: systemd answers one connection's calls in order. */
export async function getUnit(plane: ControlPlane, name: string, properties: readonly string[]): Promise<Properties> {
  return get(plane, name, kUnitInterface, properties)
}

/** Those of its type's interface; none where the type has none. */
export async function getTyped(plane: ControlPlane, name: string, properties: readonly string[]): Promise<Properties> {
  const iface = interfaceOf[typeSuffix(name)]
  return iface === undefined ? none : get(plane, name, iface, properties)
}

/** `service` of `a.service`, also of a type that is not known here. */
export function typeSuffix(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

export function number(value: unknown): number {
  return typeof value === 'bigint' || typeof value === 'number' ? Number(value) : 0
}

async function get(
  plane: ControlPlane,
  name: string,
  iface: string,
  properties: readonly string[],
): Promise<Properties> {
  const values = await Promise.all(properties.map((property) => plane.getProperty(name, iface, property)))
  return Object.fromEntries(properties.map((property, at) => [property, values[at]]))
}

const none: Properties = Object.freeze({})
