import type { SignalRecord } from '../../data/signal-record.js'

/**
 * Two readings of one moment are at most a few milliseconds apart, even when the thread is put to sleep in between; NTP
 * moves the clock gradually up to 128 ms and steps it past that (ntpd(8)).
 */
const kMinStepNs = 100_000_000n

/** Sees CLOCK_REALTIME being set, by comparing it with CLOCK_BOOTTIME in the records. */
export class ClockWatch {
  #offsetNs: bigint | undefined
  #settings = 0

  /** How often the clock was set: stamps of systemd's can be compared when this was the same at both. */
  get settings(): number {
    return this.#settings
  }

  observe({ kind, realtimeNs, boottimeNs }: SignalRecord): void {
    const offsetNs = realtimeNs - boottimeNs
    const moved = offsetNs - (this.#offsetNs ?? offsetNs)
    this.#offsetNs = offsetNs
    // Each connection begins before the reading that follows it: a clock set while there was none is no news to either.
    if (kind !== 'connected' && (moved > kMinStepNs || moved < -kMinStepNs)) this.#settings++
  }
}
