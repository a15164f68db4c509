import { geteuid } from 'node:process'
import type { ListedUnit } from '../../data/unit-snapshot.js'
import { type Clock, systemClock } from '../../util/clock.js'
import { MethodCall } from '../dbus/call.js'
import { CallError, Connection } from '../dbus/connection.js'
import { parseBusAddress } from './bus.js'
import { unitPath } from './object-path.js'

export { CallError } from '../dbus/connection.js'

/** PID 1 answers in well under a millisecond; past this it hangs or is drowning, and waiting longer helps neither. */
export const kCallTimeoutMs = 5000

const kManagerPath = '/org/freedesktop/systemd1'
const kManager = 'org.freedesktop.systemd1.Manager'
const kProperties = 'org.freedesktop.DBus.Properties'

/** Properties by name; 64-bit integers are bigints, structures arrays, byte arrays Buffers, variants what is in them. */
export type Properties = Readonly<Record<string, unknown>>

/**
 * Questions to systemd over a connection of its own, apart from the one that carries signals: a slow answer never delays
 * an event. Every call ends within its deadline; all pending ones fail at once when the connection ends.
 */
export interface ControlPlane {
  /** Asks systemd to send its signals; on a bus they then reach every client with matching rules. */
  subscribe(): Promise<void>
  listUnits(): Promise<ListedUnit[]>
  /** One property. Only for units known to be loaded: asking for another one makes systemd load it. */
  getProperty(unit: string, iface: string, property: string): Promise<unknown>
  /** All properties of one interface at one instant. */
  getProperties(unit: string, iface: string): Promise<Properties>
  /** One property of the manager itself. */
  getManagerProperty(property: string): Promise<unknown>
  getManagerProperties(): Promise<Properties>
  /** Whether systemd's main loop turns. */
  ping(): Promise<void>
  /** Resolves with the reason once the connection is over; never rejects. */
  readonly closed: Promise<string>
  close(): void
}

export type ConnectControlPlane = (address: string, direct?: boolean) => Promise<ControlPlane>

/** systemd 252 leaves a message that it reads together with the end of the handshake lying until another one comes. */
const kNudgeMs = 50

/**
 * Connects to a bus.
 *
 * @param address - one D-Bus address, `unix:path=...` or `unix:abstract=...`; several separated by `;` are tried in order
 * @param direct - it is that of systemd's own socket: nobody else is there, and every signal comes unasked
 * @throws {CallError} when none answers within the deadline
 */
export async function connectControlPlane(
  address: string,
  direct = false,
  clock: Clock = systemClock,
): Promise<ControlPlane> {
  const servers = parseBusAddress(address)
  if ('reason' in servers) throw new CallError(`bus address: ${servers.reason}`)
  let last: unknown
  for (const one of servers) {
    const socketPath = one.replace(/^unix:path=/, '').replace(/^unix:abstract=/, '\0')
    const connection = new Connection({ socketPath, uid: geteuid?.() ?? 0, timeoutMs: kCallTimeoutMs, clock })
    const plane = new DbusControlPlane(connection, clock)
    try {
      await (direct ? plane.nudge() : plane.hello())
      return plane
    } catch (error) {
      plane.close()
      last = error
    }
  }
  throw last instanceof CallError ? last : new CallError(String(last))
}

class DbusControlPlane implements ControlPlane {
  readonly closed: Promise<string>
  readonly #connection: Connection
  readonly #clock: Clock

  constructor(connection: Connection, clock: Clock) {
    this.#connection = connection
    this.#clock = clock
    this.closed = connection.closed
  }

  async subscribe(): Promise<void> {
    try {
      await this.#connection.call(calls.subscribe, kManagerPath)
    } catch (error) {
      const known = error instanceof CallError && error.dbusName === 'org.freedesktop.systemd1.AlreadySubscribed'
      if (!known) throw error
    }
  }

  async listUnits(): Promise<ListedUnit[]> {
    const [rows] = await this.#connection.call(calls.listUnits, kManagerPath)
    return (rows as UnitRow[]).map(([name, , loadState, activeState, subState, , , jobId]) => {
      return { name, loadState, activeState, subState, jobId }
    })
  }

  async getProperty(unit: string, iface: string, property: string): Promise<unknown> {
    return this.#get(unitPath(unit), iface, property)
  }

  async getProperties(unit: string, iface: string): Promise<Properties> {
    return this.#getAll(unitPath(unit), iface)
  }

  getManagerProperty(property: string): Promise<unknown> {
    return this.#get(kManagerPath, kManager, property)
  }

  getManagerProperties(): Promise<Properties> {
    return this.#getAll(kManagerPath, kManager)
  }

  async ping(): Promise<void> {
    await this.#connection.call(calls.ping, kManagerPath)
  }

  /** Says hello to the bus, which wants to hear that first. */
  async hello(): Promise<void> {
    await this.#connection.call(calls.hello, '/org/freedesktop/DBus')
  }

  /** Whether systemd answers on a socket of its own. */
  async nudge(): Promise<void> {
    const again = this.#clock.every(kNudgeMs, () => void this.ping().catch(() => {}))
    try {
      await this.ping()
    } finally {
      again.cancel()
    }
  }

  close(): void {
    this.#connection.close('closed')
  }

  async #get(path: string, iface: string, property: string): Promise<unknown> {
    return (await this.#connection.call(getOf(iface, property), path))[0]
  }

  async #getAll(path: string, iface: string): Promise<Properties> {
    const method = new MethodCall({ destination: kSystemd, iface: kProperties, member: 'GetAll', args: [iface] })
    return (await this.#connection.call(method, path))[0] as Properties
  }
}

const kSystemd = 'org.freedesktop.systemd1'
const kBus = 'org.freedesktop.DBus'

const calls = {
  hello: new MethodCall({ destination: kBus, iface: kBus, member: 'Hello' }),
  ping: new MethodCall({ destination: kSystemd, iface: 'org.freedesktop.DBus.Peer', member: 'Ping' }),
  subscribe: new MethodCall({ destination: kSystemd, iface: kManager, member: 'Subscribe' }),
  listUnits: new MethodCall({ destination: kSystemd, iface: kManager, member: 'ListUnits' }),
} as const

/** One for each property that is ever asked for: some 100. */
const gets = new Map<string, MethodCall>()

function getOf(iface: string, property: string): MethodCall {
  const key = `${iface} ${property}`
  const known = gets.get(key)
  if (known !== undefined) return known
  const method = new MethodCall({ destination: kSystemd, iface: kProperties, member: 'Get', args: [iface, property] })
  gets.set(key, method)
  return method
}

/** a(ssssssouso): name, description, load, active, sub, following, path, job id, job type, job path. */
type UnitRow = [string, string, string, string, string, string, string, number, string, string]
