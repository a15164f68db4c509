/** Address of the bus a systemd instance is on; `DBUS_*` as the D-Bus specification, "Well-known message bus instances". */
export function busAddress(
  scope: 'system' | 'user',
  env: Readonly<Record<string, string | undefined>>,
  uid: number,
): string {
  if (scope === 'system') return env['DBUS_SYSTEM_BUS_ADDRESS'] ?? 'unix:path=/run/dbus/system_bus_socket'
  return env['DBUS_SESSION_BUS_ADDRESS'] ?? `unix:path=${env['XDG_RUNTIME_DIR'] ?? `/run/user/${uid}`}/bus`
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
