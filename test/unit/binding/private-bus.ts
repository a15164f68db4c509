import { createRequire } from 'node:module'

export { type BusKind, busKinds, type PrivateBus, startPrivateBus, whyNot } from '../../support/private-bus.mjs'

/** What the tests use of dbus-next, which brings no types along. */
interface SenderBus {
  requestName(name: string, flags: number): Promise<number>
  send(message: unknown): void
  call(message: unknown): Promise<unknown>
  disconnect(): void
  once(event: 'connect', listener: () => void): void
  on(event: 'error', listener: () => void): void
}
interface Library {
  sessionBus(options: { busAddress: string }): SenderBus
  Message: new (options: Record<string, unknown>) => unknown
  MessageType: { readonly SIGNAL: number }
  Variant: new (signature: string, value: unknown) => unknown
}
const dbus = createRequire(import.meta.url)('dbus-next') as Library

/** Somebody who owns systemd's name on a private bus, and says what systemd would. */
export interface FakeSystemd {
  /** PropertiesChanged of both interfaces, as systemd sends them. */
  change(unit: string, activeState: string, restarts: number): void
  unitNew(unit: string): void
  /** Resolves when the bus has taken all that was said. */
  heard(): Promise<void>
  close(): void
}

export async function startFakeSystemd(address: string): Promise<FakeSystemd> {
  const bus = dbus.sessionBus({ busAddress: address })
  bus.on('error', () => {
    // The bus was killed under it: the tests look at the other end.
  })
  await new Promise<void>((resolve) => bus.once('connect', () => resolve()))
  await bus.requestName('org.freedesktop.systemd1', 0)
  const signal = (path: string, iface: string, member: string, signature: string, body: readonly unknown[]): void =>
    bus.send(new dbus.Message({ type: dbus.MessageType.SIGNAL, path, interface: iface, member, signature, body }))
  const properties = (unit: string, iface: string, values: Record<string, unknown>): void => {
    const label = unit.replace(/[^A-Za-z0-9]/g, (c) => `_${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
    const path = `/org/freedesktop/systemd1/unit/${label}`
    const body = [`org.freedesktop.systemd1.${iface}`, values, []]
    signal(path, 'org.freedesktop.DBus.Properties', 'PropertiesChanged', 'sa{sv}as', body)
  }
  return {
    change(unit, activeState, restarts) {
      properties(unit, 'Service', { NRestarts: new dbus.Variant('u', restarts) })
      properties(unit, 'Unit', { ActiveState: new dbus.Variant('s', activeState) })
    },
    unitNew(unit) {
      const manager = 'org.freedesktop.systemd1.Manager'
      signal('/org/freedesktop/systemd1', manager, 'UnitNew', 'so', [unit, '/org/freedesktop/systemd1/unit/x'])
    },
    async heard() {
      const driver = 'org.freedesktop.DBus'
      await bus.call(
        new dbus.Message({ destination: driver, path: '/org/freedesktop/DBus', interface: driver, member: 'GetId' }),
      )
    },
    close: () => bus.disconnect(),
  }
}
