import type { Clock, Timer } from '../../util/clock.js'
import { CallError, type ControlPlane, type Properties } from './control-plane.js'

/** A reading of all units asks without a pause; between two of them there are seconds. */
const kIdleMs = 200

/**
 * Asks systemd over its private socket, each time over a connection that lasts as long as questions follow each other:
 * down every connection to it PID 1 sends every signal, which somebody would have to read.
 */
export class OnDemandPlane implements ControlPlane {
  readonly closed: Promise<string>
  readonly #connect: () => Promise<ControlPlane>
  readonly #clock: Clock
  #resolveClosed!: (reason: string) => void
  #open: Promise<ControlPlane> | undefined
  #idle: Timer | undefined
  #asking = 0

  constructor(connect: () => Promise<ControlPlane>, clock: Clock) {
    this.#connect = connect
    this.#clock = clock
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
  }

  /** Nothing to ask for: there every signal comes anyway. */
  async subscribe(): Promise<void> {}

  listUnits(): ReturnType<ControlPlane['listUnits']> {
    return this.#ask((plane) => plane.listUnits())
  }

  getProperty(unit: string, iface: string, property: string): Promise<unknown> {
    return this.#ask((plane) => plane.getProperty(unit, iface, property))
  }

  getProperties(unit: string, iface: string): Promise<Properties> {
    return this.#ask((plane) => plane.getProperties(unit, iface))
  }

  getManagerProperty(property: string): Promise<unknown> {
    return this.#ask((plane) => plane.getManagerProperty(property))
  }

  getManagerProperties(): Promise<Properties> {
    return this.#ask((plane) => plane.getManagerProperties())
  }

  ping(): Promise<void> {
    return this.#ask((plane) => plane.ping())
  }

  close(): void {
    this.#hangUp()
    this.#resolveClosed('closed')
  }

  async #ask<T>(question: (plane: ControlPlane) => Promise<T>): Promise<T> {
    this.#idle?.cancel()
    this.#asking++
    this.#open ??= this.#connect()
    const mine = this.#open
    let plane: ControlPlane | undefined
    try {
      plane = await mine
      return await question(plane)
    } catch (error) {
      // An error name is systemd's answer: the connection is well, and others wait on it for theirs. After anything else
      // the next question begins anew, unless it has done so already.
      const refused = plane !== undefined && error instanceof CallError && error.dbusName !== undefined
      if (!refused && this.#open === mine) this.#hangUp()
      throw error
    } finally {
      if (--this.#asking === 0) this.#idle = this.#clock.after(kIdleMs, () => this.#hangUp())
    }
  }

  #hangUp(): void {
    this.#idle?.cancel()
    const open = this.#open
    this.#open = undefined
    void open?.then(
      (plane) => plane.close(),
      () => {}, // it never was one
    )
  }
}
