import type { Message, MessageBus, Reply, Variant } from 'dbus-next'
import type { ListedUnit } from '../../data/unit-snapshot.js'
import { type Clock, systemClock } from '../../util/clock.js'
import { parseBusAddress } from './bus.js'
import { unitPath } from './object-path.js'

/** PID 1 answers in well under a millisecond; past this it hangs or is drowning, and waiting longer helps neither. */
export const kCallTimeoutMs = 5000

const kManagerPath = '/org/freedesktop/systemd1'
const kManager = 'org.freedesktop.systemd1.Manager'
const kProperties = 'org.freedesktop.DBus.Properties'

/** A call failed: the bus or systemd is gone, hangs, or refused. `name` is the D-Bus error name where there is one. */
export class CallError extends Error {
  override readonly name = 'CallError'
  readonly dbusName: string | undefined
  constructor(message: string, dbusName?: string) {
    super(message)
    this.dbusName = dbusName
  }
}

/** Properties by name; 64-bit integers are bigints, structures arrays, byte arrays Buffers. */
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
  // Loaded at the first use: 9 packages that a configuration without systemd never needs.
  const library = await import('dbus-next')
  const dbus = 'default' in library ? (library.default as typeof library) : library
  let last: unknown
  for (const one of servers) {
    let plane: DbusControlPlane | undefined
    try {
      // Left to itself the library would go on with cookies from the home directory where EXTERNAL is refused.
      const bus = dbus.sessionBus({ busAddress: one, authMethods: ['EXTERNAL'] })
      plane = new DbusControlPlane(bus, dbus.Message, clock, direct)
      await (direct ? plane.nudge() : plane.hello())
      return plane
    } catch (error) {
      plane?.close()
      last = error
    }
  }
  throw last instanceof CallError ? last : new CallError(String(last))
}

class DbusControlPlane implements ControlPlane {
  readonly closed: Promise<string>
  readonly #bus: MessageBus
  readonly #message: typeof Message
  readonly #clock: Clock
  readonly #pending = new Set<(error: CallError) => void>()
  #end: ((reason: string) => void) | undefined

  constructor(bus: MessageBus, message: typeof Message, clock: Clock, direct: boolean) {
    this.#bus = bus
    this.#message = message
    this.#clock = clock
    this.closed = new Promise((resolve) => {
      this.#end = resolve
    })
    // Without a listener an 'error' ends the process; the library emits it again when a call is tried after the end.
    bus.on('error', (error: Error & { type?: string }) => {
      // With a type it is the answer to the library's Hello, which only a bus understands.
      if (!direct || error.type === undefined) this.#over(error.message)
    })
    bus._connection.on('end', () => this.#over('the bus closed the connection'))
    const { stream } = bus._connection
    stream.on('close', () => this.#over('the bus closed the connection'))
    // The library takes messages apart in its 'readable' listener; what it throws there would end the process.
    const emit = stream.emit.bind(stream)
    stream.emit = (name: string | symbol, ...args: unknown[]): boolean => {
      if (name !== 'readable') return emit(name, ...args)
      try {
        return emit(name, ...args)
      } catch (error) {
        this.#over(`the bus sent a malformed message: ${error instanceof Error ? error.message : String(error)}`)
        return true
      }
    }
  }

  async subscribe(): Promise<void> {
    try {
      await this.#manager('Subscribe')
    } catch (error) {
      const known = error instanceof CallError && error.dbusName === 'org.freedesktop.systemd1.AlreadySubscribed'
      if (!known) throw error
    }
  }

  async listUnits(): Promise<ListedUnit[]> {
    const [rows] = await this.#manager('ListUnits')
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
    await this.#call(kSystemd, kManagerPath, 'org.freedesktop.DBus.Peer', 'Ping', '', [])
  }

  /** Whether the bus itself answers. Its policy refuses Peer.Ping to the daemon, but never GetId. */
  async hello(): Promise<void> {
    await this.#call('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus', 'GetId', '', [])
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
    this.#over('closed')
  }

  async #get(path: string, iface: string, property: string): Promise<unknown> {
    const [variant] = await this.#call(kSystemd, path, kProperties, 'Get', 'ss', [iface, property])
    return (variant as Variant).value
  }

  async #getAll(path: string, iface: string): Promise<Properties> {
    const [dict] = await this.#call(kSystemd, path, kProperties, 'GetAll', 's', [iface])
    return Object.fromEntries(Object.entries(dict as Record<string, Variant>).map(([name, { value }]) => [name, value]))
  }

  #manager(member: string): Promise<readonly unknown[]> {
    return this.#call(kSystemd, kManagerPath, kManager, member, '', [])
  }

  #call(
    destination: string,
    path: string,
    iface: string,
    member: string,
    signature: string,
    body: unknown[],
  ): Promise<readonly unknown[]> {
    return new Promise((resolve, reject) => {
      if (this.#end === undefined) return reject(new CallError(`${member}: the connection is closed`))
      const fail = (error: CallError): void => {
        timer.cancel()
        this.#pending.delete(fail)
        reject(error)
      }
      const timer = this.#clock.after(kCallTimeoutMs, () => {
        fail(new CallError(`${member}: no answer within ${kCallTimeoutMs / 1000} s`))
      })
      this.#pending.add(fail)
      const done = (reply: Reply | null): void => {
        timer.cancel()
        this.#pending.delete(fail)
        resolve(reply?.body ?? [])
      }
      // The library changes what it sends, so each message is made anew. It throws when the stream is not writable.
      const fields = { destination, path, interface: iface, member }
      const message = new this.#message(signature === '' ? fields : { ...fields, signature, body })
      this.#bus.call(message).then(done, (error: Error & { type?: string }) => {
        fail(new CallError(`${member}: ${error.message}`, error.type))
      })
    })
  }

  #over(reason: string): void {
    const end = this.#end
    if (end === undefined) return
    this.#end = undefined
    for (const fail of [...this.#pending]) fail(new CallError(reason))
    this.#bus._connection.stream.destroy()
    end(reason)
  }
}

const kSystemd = 'org.freedesktop.systemd1'

/** a(ssssssouso): name, description, load, active, sub, following, path, job id, job type, job path. */
type UnitRow = [string, string, string, string, string, string, string, number, string, string]
