import type { RawEvent } from '../../data/event.js'
import type { OomBoard, OomEvidence, OomLoss } from '../../lib/systemd/oom-evidence.js'
import type { UnitTracker } from '../../lib/systemd/unit-tracker.js'
import type { Clock, Timer } from '../../util/clock.js'

/**
 * Between this long and twice as long after a kill for want of memory a run that goes on is said to live on. The end of one
 * that does not is told at once. PID 1 sees to it within milliseconds; where memory has just run out it may take seconds.
 */
const kSettleOomMs = 5000

export interface OomWatchOptions {
  readonly scope: 'system' | 'user'
  readonly clock: Clock
  readonly oom: UnitTracker['oom']
  readonly accepts: (unit: string) => boolean
  readonly tell: (events: readonly RawEvent[]) => void
}

/** Brings what other receivers found of kills for want of memory to the units' runs, and sees that none waits for ever. */
export class OomWatch {
  readonly #options: OomWatchOptions
  readonly #end: () => void
  #settling: Timer | undefined

  constructor(board: OomBoard, options: OomWatchOptions) {
    this.#options = options
    this.#end = board.listen((evidence, losses) => this.#take(evidence, losses))
  }

  /** To be called when units have changed: something may wait for evidence now. */
  expect(): void {
    const { oom, clock } = this.#options
    if (!oom.waits) return
    this.#settling ??= clock.after(kSettleOomMs, () => this.#settle())
  }

  /** Tells all that waits. */
  close(): void {
    this.#end()
    this.#settling?.cancel()
    // Twice: what came a moment ago, too.
    for (let i = 0; i < 2 && this.#options.oom.waits; i++) this.#settle()
    this.#settling?.cancel()
  }

  #take(evidence: readonly OomEvidence[], losses: readonly OomLoss[]): void {
    const { scope, clock, oom, accepts, tell } = this.#options
    const nowNs = clock.unixNano()
    const ours = evidence.filter((one) => one.scope === scope && accepts(one.unit))
    tell(ours.flatMap((one) => oom.take(one, nowNs)))
    for (const loss of losses) {
      if (loss.scope !== scope) continue
      // Of units that are not watched no end is told: they stay suspects, and nobody waits for them.
      const suspects = loss.suspects.map((one) => (accepts(one.unit) ? one : { ...one, unit: '' }))
      tell(oom.takeLoss({ ...loss, suspects }, nowNs))
    }
    this.expect()
  }

  #settle(): void {
    const { oom, clock, tell } = this.#options
    this.#settling = undefined
    tell(oom.settle(clock.unixNano()))
    this.expect()
  }
}
