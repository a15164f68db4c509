import type { RawEvent } from '../../data/event.js'
import { attr } from '../systemd/names.js'
import type { UnitSignal } from './detector.js'

/** After a start that somebody asked for: what was wrong with the new version shows by then, or has nothing to do with it. */
const kSettleMs = 60_000
/** How long after `daemon-reload`, or after it was stopped by hand, a start belongs to the same work. */
const kWorkMs = 600_000
/** Units worked on at one time, and units whose last end is known. */
const kMaxUnits = 4096

/** Restarts that somebody has asked for; this agent itself does so because a unit is in trouble. */
const worksOn: ReadonlySet<unknown> = new Set(['manual', 'dependency'])

interface Work {
  readonly fromMs: number
  untilMs: number
  /** A job has stopped it last; NaN where none has. */
  stoppedAtMs: number
}

interface End {
  atMs: number
  failed: boolean
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
  /** How units have ended last that did so by themselves. */
  readonly #ends = new Map<string, End>()

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
      case 'failed':
      case 'stopped':
        if (!stoppedByJob(event)) this.#ended(key, atMs, kind === 'failed')
        else if (kind === 'stopped') this.#work(key, atMs, atMs).stoppedAtMs = atMs
        return
      case 'started': {
        const stoppedAtMs = this.#units.get(key)?.stoppedAtMs ?? Number.NaN
        if (atMs - stoppedAtMs < kWorkMs || this.#isFirstOfReload(key, atMs)) this.#work(key, atMs, atMs + kSettleMs)
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

  /** A new unit, or one that failed and was mended. One that has done its work and is begun again is a timer's, or stands by. */
  #isFirstOfReload(key: string, atMs: number): boolean {
    if (atMs - this.#reloadedAtMs >= kWorkMs) return false
    const end = this.#ends.get(key)
    return end === undefined || (end.failed && end.atMs < this.#reloadedAtMs)
  }

  #ended(key: string, atMs: number, failed: boolean): void {
    const known = this.#ends.get(key)
    if (known === undefined) {
      remember(this.#ends, key, { atMs, failed })
      return
    }
    known.atMs = atMs
    known.failed = failed
  }

  #work(key: string, atMs: number, untilMs: number): Work {
    const known = this.#units.get(key)
    const fromMs = known !== undefined && atMs <= Math.max(known.untilMs, known.stoppedAtMs || 0) ? known.fromMs : atMs
    const work = { fromMs, untilMs, stoppedAtMs: Number.NaN }
    remember(this.#units, key, work)
    return work
  }

  #end(key: string, atMs: number): void {
    const work = this.#units.get(key)
    if (work !== undefined && work.untilMs > atMs) work.untilMs = atMs
  }
}

/** The newest last; past the bound the oldest is forgotten. */
function remember<T>(known: Map<string, T>, key: string, value: T): void {
  known.delete(key)
  known.set(key, value)
  if (known.size <= kMaxUnits) return
  for (const oldest of known.keys()) {
    known.delete(oldest)
    return
  }
}

/** A job has asked for the end: however the run ended, it was not by itself. */
export function stoppedByJob({ attributes }: RawEvent): boolean {
  return attributes[attr.verdict] === 'stopped_by_operator'
}
