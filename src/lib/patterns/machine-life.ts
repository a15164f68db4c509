import type { RawEvent } from '../../data/event.js'
import type { Metric } from '../../data/metric.js'
import { attr, event as names } from '../systemd/names.js'
import type { QuietReason } from './detector.js'
import type { SteadyTime } from './steady-time.js'

/** Where nothing tells when the machine is up: most boots take half a minute, slow ones two. */
const kBootMs = 180_000
/** So long after it was said last that the machine goes down. */
const kShutdownMs = 300_000

/** Targets that the way down leads over (bootup(7)). */
const down: ReadonlySet<unknown> = new Set(
  ['shutdown', 'reboot', 'poweroff', 'halt', 'kexec', 'soft-reboot', 'umount', 'final'].map((name) => `${name}.target`),
)

interface Time {
  readonly reason: QuietReason
  readonly fromMs: number
  untilMs: number
}

/** Knows when the machine starts and when it goes down; times are steady milliseconds. */
export class MachineLife {
  readonly #time: SteadyTime
  readonly #bootMs: number | undefined
  #boot: Time | undefined
  #shutdown: Time | undefined

  /** @param bootUnixNano - when it was booted, as its clock shows now */
  constructor(time: SteadyTime, bootUnixNano: bigint | undefined) {
    this.#time = time
    this.#bootMs = bootUnixNano === undefined ? undefined : time.of(bootUnixNano)
    if (this.#bootMs !== undefined) this.#boot = booted(this.#bootMs)
  }

  observe(event: RawEvent, atMs: number): void {
    if (event.name === names.started && down.has(event.attributes[attr.unit])) this.#goesDown(atMs)
    else if (event.name === names.gap && event.attributes[attr.gapReason] === 'reboot') this.#rebooted(event, atMs)
  }

  /** Points of `systemd.system.state`, one of which is 1. */
  systemState(metric: Metric, atMs: number): void {
    let state: unknown
    for (const point of metric.points)
      if ('value' in point && Number(point.value) === 1) state = point.attributes[attr.systemState]
    if (state === 'stopping') this.#goesDown(atMs)
    else if (state === 'running' || state === 'degraded') {
      if (this.#boot !== undefined && atMs >= this.#boot.fromMs) this.#boot.untilMs = Math.min(this.#boot.untilMs, atMs)
      if (this.#shutdown !== undefined && atMs >= this.#shutdown.fromMs)
        this.#shutdown.untilMs = Math.min(this.#shutdown.untilMs, atMs)
    }
  }

  at(atMs: number): Time | undefined {
    if (this.#shutdown !== undefined && atMs >= this.#shutdown.fromMs && atMs < this.#shutdown.untilMs)
      return this.#shutdown
    return this.#boot !== undefined && atMs >= this.#boot.fromMs && atMs < this.#boot.untilMs ? this.#boot : undefined
  }

  #goesDown(atMs: number): void {
    const untilMs = atMs + kShutdownMs
    // Said again, it still does.
    if (this.#shutdown !== undefined && atMs < this.#shutdown.untilMs) this.#shutdown.untilMs = untilMs
    else this.#shutdown = { reason: 'system_shutdown', fromMs: atMs, untilMs }
  }

  /** Nobody watched while it went down and came up: what the journal tells of that time is of units that were stopped and started. */
  #rebooted({ attributes }: RawEvent, atMs: number): void {
    const startUsec = attributes[attr.gapStartUsec]
    const isKnown = typeof startUsec === 'number' && Number.isSafeInteger(startUsec)
    const startMs = isKnown ? Math.min(this.#time.of(BigInt(startUsec) * 1000n), atMs) : atMs
    // In a recording this machine's own boot says nothing.
    const known = this.#bootMs !== undefined && this.#bootMs > startMs && this.#bootMs <= atMs
    const bootMs = known ? this.#bootMs! : atMs
    this.#shutdown = {
      reason: 'system_shutdown',
      fromMs: known ? Math.max(startMs, bootMs - kShutdownMs) : startMs,
      untilMs: bootMs,
    }
    this.#boot = booted(bootMs)
  }
}

function booted(atMs: number): Time {
  return { reason: 'system_start', fromMs: atMs, untilMs: atMs + kBootMs }
}
