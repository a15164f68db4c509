// The part of the library that is used here. Its own declarations name the fork's package, not the alias it is
// installed under, so the compiler does not find them.
declare module 'dbus-next' {
  import type { EventEmitter } from 'node:events'

  export interface Reply {
    readonly body: readonly unknown[]
  }
  export class Message {
    constructor(fields: {
      destination: string
      path: string
      interface: string
      member: string
      signature?: string
      body?: unknown[]
    })
  }
  export class DBusError extends Error {
    /** Error name, e.g. `org.freedesktop.DBus.Error.AccessDenied`. */
    readonly type: string
  }
  export interface MessageBus extends EventEmitter {
    call(message: Message): Promise<Reply | null>
    disconnect(): void
    /** The only way to learn of the connection's end: the bus itself emits nothing. */
    readonly _connection: EventEmitter & { readonly stream: EventEmitter & { destroy(): void } }
  }
  export interface Variant {
    readonly signature: string
    readonly value: unknown
  }
  export function sessionBus(options: { busAddress: string; authMethods: readonly string[] }): MessageBus
}
