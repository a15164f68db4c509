import type { RawEvent } from '../../data/event.js'
import { attr } from '../systemd/names.js'
import type { UnitSignal } from './detector.js'

/** After a start that somebody asked for: what was wrong with the new version shows by then, or has nothing to do with it. */
const kSettleMs = 60_000
/** How long after `daemon-reload`, or after it was stopped by hand, a start belongs to the same work. */
const kWorkMs = 600_000
/** Units worked on at one time. */
const kMaxUnits = 4096

/** Restarts that somebody has asked for; this agent itself does so because a unit is in trouble. */
const worksOn: ReadonlySet<unknown> = new Set(['manual', 'dependency'])

interface Work {
  readonly fromMs: number
  untilMs: number
  /** A job has stopped it last; NaN where none has. */
  stoppedAtMs: number
}

/**
 * Knows which units are being deployed: restarted by a job, or started by one after their unit files were read anew or somebody
 * had stopped them. It is over a minute after the last such start, and at once when systemd starts a unit again by itself:
 * what fails from then on is the new version's doing. Times are steady milliseconds.
 */
export class Deployments {
  #reloadedAtMs = Number.NEGATIVE_INFINITY
  /** By the unit's key, those worked on last at the end. */
  readonly #units = new Map<string, Work>()

  /** systemd has read its unit files anew. */
  reloaded(atMs: number): void {
    this.#reloadedAtMs = atMs
  }

  observe(kind: UnitSignal['kind'], event: RawEvent, key: string, atMs: number): void {
    switch (kind) {
      case 'restarting':
      case 'restarted': {
        if (worksOn.has(event.attributes[attr.restartCause])) this.#work(key, atMs, atMs + kSettleMs)
        else if (kind === 'restarting') this.#end(key, atMs)
        return
      }
      case 'stopped':
        if (stoppedByJob(event)) this.#work(key, atMs, atMs).stoppedAtMs = atMs
        return
      case 'started': {
        // Most starts are of timers: they are no work on anything.
        const stoppedAtMs = this.#units.get(key)?.stoppedAtMs ?? Number.NaN
        if (atMs - this.#reloadedAtMs < kWorkMs || atMs - stoppedAtMs < kWorkMs)
          this.#work(key, atMs, atMs + kSettleMs).stoppedAtMs = Number.NaN
        return
      }
      default:
        return
    }
  }

  /** When it is over; undefined where the unit is not being deployed. */
  until(key: string, atMs: number): number | undefined {
    const work = this.#units.get(key)
    return work !== undefined && atMs >= work.fromMs && atMs < work.untilMs ? work.untilMs : undefined
  }

  #work(key: string, atMs: number, untilMs: number): Work {
    const known = this.#units.get(key)
    const fromMs = known !== undefined && atMs <= Math.max(known.untilMs, known.stoppedAtMs || 0) ? known.fromMs : atMs
    const work = { fromMs, untilMs, stoppedAtMs: Number.NaN }
    this.#units.delete(key)
    this.#units.set(key, work)
    if (this.#units.size > kMaxUnits) this.#forget()
    return work
  }

  #end(key: string, atMs: number): void {
    const work = this.#units.get(key)
    if (work !== undefined && work.untilMs > atMs) work.untilMs = atMs
  }

  #forget(): void {
    for (const key of this.#units.keys()) {
      this.#units.delete(key)
      return
    }
  }
}

/** A job has asked for the end: however the run ended, it was not by itself. */
export function stoppedByJob({ attributes }: RawEvent): boolean {
  return attributes[attr.verdict] === 'stopped_by_operator'
}
