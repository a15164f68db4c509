/** Address of the bus a systemd instance is on; `DBUS_*` as the D-Bus specification, "Well-known message bus instances". */
export function busAddress(
  scope: 'system' | 'user',
  env: Readonly<Record<string, string | undefined>>,
  uid: number,
): string {
  if (scope === 'system') return env['DBUS_SYSTEM_BUS_ADDRESS'] ?? 'unix:path=/run/dbus/system_bus_socket'
  return env['DBUS_SESSION_BUS_ADDRESS'] ?? `unix:path=${env['XDG_RUNTIME_DIR'] ?? `/run/user/${uid}`}/bus`
}

/** Where a systemd instance listens by itself; on that of the system only root is let in. */
export function privateAddress(
  scope: 'system' | 'user',
  env: Readonly<Record<string, string | undefined>>,
  uid: number,
): string {
  const folder = scope === 'system' ? '/run' : (env['XDG_RUNTIME_DIR'] ?? `/run/user/${uid}`)
  return `unix:path=${folder}/systemd/private`
}

/** sun_path of unix(7), less the NUL. */
const kMaxSocketPath = 107

/**
 * Checks a server address (D-Bus specification, "Server Addresses") and undoes its escapes.
 *
 * Unix sockets only: `unixexec:` runs a program, and over TCP nobody vouches for who is who. The bytes `:;,=%` cannot be
 * part of a path, escaped or not: the library that asks the questions takes addresses apart without undoing escapes.
 *
 * @returns one plain `unix:path=` or `unix:abstract=` for each server named, or what is wrong with the text
 */
export function parseBusAddress(text: string): readonly string[] | { readonly reason: string } {
  const servers: string[] = []
  // As the native reader: a `;` at the end or a doubled one is harmless.
  for (const entry of text.split(';').filter(Boolean)) {
    const server = parseServer(entry)
    if (typeof server !== 'string') return { reason: `\`${entry.slice(0, 100)}\` ${server.reason}` }
    servers.push(server)
  }
  return servers.length > 0 ? servers : { reason: kForm }
}

const kForm = 'must be `unix:path=/...` or `unix:abstract=...`; several are separated by `;`'

function parseServer(entry: string): string | { readonly reason: string } {
  const [, transport, rest = ''] = /^([^:]+):(.*)$/s.exec(entry) ?? []
  if (transport === undefined) return { reason: 'has no transport: write `unix:path=...`' }
  if (transport === 'unixexec') return { reason: 'would run a program to talk to: only unix sockets are connected to' }
  if (transport !== 'unix') return { reason: `has the transport "${transport}": only unix sockets are connected to` }
  const keys = new Map<string, string>()
  for (const pair of rest.split(',').filter(Boolean)) {
    const [, key, escaped = ''] = /^([^=]+)=(.*)$/s.exec(pair) ?? []
    if (key === undefined) return { reason: `has "${pair}" where key=value belongs` }
    if (keys.has(key)) return { reason: `has ${key} twice` }
    const value = unescaped(escaped)
    if (value === undefined) return { reason: `has a byte in ${key} that must be written as %xx, or a wrong %xx` }
    keys.set(key, value)
  }
  return socketOf(keys)
}

function socketOf(keys: ReadonlyMap<string, string>): string | { readonly reason: string } {
  const path = keys.get('path')
  const abstract = keys.get('abstract')
  if ((path === undefined) === (abstract === undefined)) return { reason: 'needs either path or abstract' }
  const value = path ?? abstract!
  if (path !== undefined && !path.startsWith('/')) return { reason: 'has a path that does not begin with /' }
  if (value === '') return { reason: 'names no socket' }
  if (Buffer.byteLength(value) > kMaxSocketPath)
    return { reason: `names a socket of more than ${kMaxSocketPath} bytes` }
  if (/[:;,=%\0]/.test(value))
    return { reason: 'names a socket with one of `:;,=%` or NUL in it, which is not supported' }
  return path === undefined ? `unix:abstract=${value}` : `unix:path=${value}`
}

/** Undefined when a byte is neither plain (the specification's "optionally escaped" set) nor a whole %xx. */
function unescaped(text: string): string | undefined {
  if (!/^(?:[-0-9A-Za-z_/.\\*]|%[0-9A-Fa-f]{2})*$/.test(text)) return undefined
  const bytes = text.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

/**
 * Rules for all that the tracker wants to hear. By well-known name: the daemon follows its owner, so they go on working
 * after daemon-reexec, when systemd comes back with another unique name.
 */
export const matchRules: readonly string[] = [
  "type='signal',sender='org.freedesktop.systemd1',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',path_namespace='/org/freedesktop/systemd1/unit'",
  "type='signal',sender='org.freedesktop.systemd1',interface='org.freedesktop.systemd1.Manager',path='/org/freedesktop/systemd1'",
  "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='org.freedesktop.systemd1'",
]

/**
 * The same trouble in the same words, however often it is met: a status is logged when its text changes, and the texts of
 * D-Bus errors name connections (`:1.42`) and processes, which are others at each try.
 */
export function stableReason(text: string): string {
  return text.replace(/:\d+\.\d+\b/g, ':?').replace(/\b([pug]id)=\d+/g, '$1=?')
}
