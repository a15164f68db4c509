/** A D-Bus server of our own, on a socket in a folder of its own. */
export interface PrivateBus {
  readonly address: string
  /** Of the process that was started; dbus-broker itself is a child of it. */
  readonly pid: number
  /** Ends it as `kill -9` does; resolves when it is gone. */
  kill(): Promise<void>
}
export type BusKind = 'dbus-daemon' | 'dbus-broker'
export declare const busKinds: readonly BusKind[]
/** Why this server cannot run here; undefined when it can. */
export declare function whyNot(kind: BusKind): string | undefined
export declare function startPrivateBus(kind: BusKind): Promise<PrivateBus>
