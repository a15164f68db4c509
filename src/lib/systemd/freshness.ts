import type { SignalRecord, UnitState } from '../../data/signal-record.js'
import { ClockWatch } from './clock-watch.js'
import type { TrackedUnit } from './tracked-unit.js'

/** Larger differences of systemd's timestamps are a stepped clock, not a late signal: signals lag by milliseconds. */
const kMaxLagUsec = 60_000_000

/** Says of a signal and a reading of one unit which is the newer: they come over two connections, in any order. */
export class Freshness {
  readonly #clock = new ClockWatch()
  /** Signals until now, and until the last time systemd was asked about its units. */
  #signals = 0
  #asked = 0
  /** When systemd listed its units after the last gap, microseconds since 1970, and under which setting of the clock. */
  #listed = { usec: 0, under: 0 }

  /** How often the clock was set until now; a unit keeps it with its reading. */
  get clockSettings(): number {
    return this.#clock.settings
  }

  observe(record: SignalRecord): void {
    this.#clock.observe(record)
  }

  /** Number of the last signal that was believed. */
  get lastSignal(): number {
    return this.#signals
  }

  /** A signal is believed; its number is kept with the unit. */
  nextSignal(): number {
    return ++this.#signals
  }

  /** What is read next is newer than all signals until now. */
  asking(): void {
    this.#asked = this.#signals
  }

  /** @param usec - when systemd was asked, after a gap, which units it has */
  listed(usec: number): void {
    this.#listed = { usec, under: this.#clock.settings }
  }

  /** A signal from before that: of a unit that was not among them any more it is no news. */
  isBeforeListing({ stateChangeUsec }: UnitState): boolean {
    const { usec, under } = this.#listed
    return stateChangeUsec > 0 && stateChangeUsec <= usec && under === this.#clock.settings
  }

  /** A signal from before the unit's state was read. No stamps tell when the clock was set in between. */
  isLate(signal: UnitState, { machine, readUnder }: TrackedUnit): boolean {
    if (readUnder !== this.#clock.settings) return false
    const read = machine.state
    // A restart is scheduled within one state: its stamp stays, NRestarts tells. (reset-failed, which sets that back, changes the state.)
    if (signal.stateChangeUsec === read.stateChangeUsec && signal.nRestarts < read.nRestarts) return true
    // Without a timestamp the unit had not changed since it was loaded.
    return isOlder(signal, read) || (signal.stateChangeUsec === 0 && read.stateChangeUsec > 0)
  }

  /**
   * A reading from before a signal that has come meanwhile, and knows better. Without one the reading is the newer,
   * whatever the stamps say: the clock may have been set back.
   */
  isOutdated(reading: UnitState, { machine, lastSignal }: TrackedUnit): boolean {
    return lastSignal > this.#asked && isOlder(reading, machine.state)
  }
}

/** True when `a` was true before `b`, by systemd's own timestamps. */
function isOlder(a: UnitState, b: UnitState): boolean {
  const lag = b.stateChangeUsec - a.stateChangeUsec
  return lag > 0 && lag < kMaxLagUsec
}
