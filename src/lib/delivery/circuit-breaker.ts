import type { Clock } from '../../util/clock.js'

/**
 * ```
 *            failures >= threshold                 after a pause
 *   closed ------------------------> open ------------------------> half_open (one probe at a time)
 *     ^                                ^                               |    |
 *     |                                +-------------- fails ----------+    |
 *     +------------------------- succeeds, successThreshold times in a row -+
 * ```
 */
export type BreakerState =
  | { readonly kind: 'closed'; readonly failures: number }
  /** `askedUntilMs`: so long the server itself wants to be left alone; 0 when it has not said. */
  | { readonly kind: 'open'; readonly untilMs: number; readonly askedUntilMs: number; readonly pauseMs: number }
  | { readonly kind: 'half_open'; readonly probing: boolean; readonly successes: number; readonly pauseMs: number }

export interface BreakerPolicy {
  /** Consecutive failures that open it. */
  readonly failureThreshold: number
  /** Probes in a row that must succeed before it closes; by default one. */
  readonly successThreshold?: number
  /** How long nothing is tried once it is open; after each probe that fails half as long again, up to `kMaxGrownMs`. */
  readonly openMs: number
}

/** Numbers for a gauge: 0 closed, 1 half-open, 2 open. */
const gaugeValue = { closed: 0, half_open: 1, open: 2 } as const

/**
 * What is down for minutes is asked four times a minute, what has just gone down twelve times: at most one try in 30 s for each of the four senders there are by default
 * (docs/decisions/0327). A pause that was set longer than this stays as it is.
 */
const kMaxGrownMs = 15_000
const kGrowth = 1.5

/** While one sender probes, the others look this often whether it came through. */
const kProbeCheckMs = 1000

/** Keeps several senders from hammering a backend that is down: after the threshold only one of them probes. */
export class CircuitBreaker {
  #state: BreakerState = { kind: 'closed', failures: 0 }
  readonly #policy: BreakerPolicy
  readonly #clock: Clock

  constructor(policy: BreakerPolicy, clock: Clock) {
    this.#policy = policy
    this.#clock = clock
  }

  get state(): BreakerState {
    return this.#state
  }

  get gauge(): number {
    return gaugeValue[this.#state.kind]
  }

  /**
   * Asks to send. 0 means go: then `succeeded`, `failed` or `abandoned` must follow. Otherwise: ask again after so many
   * milliseconds.
   */
  admit(): number {
    const state = this.#state
    if (state.kind === 'closed') return 0
    if (state.kind === 'half_open') {
      if (state.probing) return Math.min(this.#policy.openMs, kProbeCheckMs)
      this.#state = { ...state, probing: true }
      return 0
    }
    const waitMs = state.untilMs - this.#clock.monotonicMs()
    if (waitMs > 0) return waitMs
    this.#state = { kind: 'half_open', probing: true, successes: 0, pauseMs: state.pauseMs }
    return 0
  }

  /** The backend answered; whether it liked the data does not matter here. */
  succeeded(): void {
    const state = this.#state
    // A request that was on its way when the server asked to be left alone.
    if (state.kind === 'open' && this.#clock.monotonicMs() < state.askedUntilMs) return
    const successes = state.kind === 'half_open' ? state.successes + 1 : Number.POSITIVE_INFINITY
    const isEnough = successes >= (this.#policy.successThreshold ?? 1)
    this.#state =
      isEnough || state.kind === 'closed'
        ? { kind: 'closed', failures: 0 }
        : { kind: 'half_open', probing: false, successes, pauseMs: state.pauseMs }
  }

  /** @param afterMs - the server's own wish: until then nobody tries, however few failures there were */
  failed(afterMs = 0): void {
    const state = this.#state
    const { failureThreshold, openMs } = this.#policy
    const failures = state.kind === 'closed' ? state.failures + 1 : failureThreshold
    if (failures < failureThreshold && afterMs === 0) {
      this.#state = { kind: 'closed', failures }
      return
    }
    const nowMs = this.#clock.monotonicMs()
    const askedUntilMs = Math.max(afterMs > 0 ? nowMs + afterMs : 0, state.kind === 'open' ? state.askedUntilMs : 0)
    const pauseMs = state.kind === 'closed' ? openMs : state.kind === 'open' ? state.pauseMs : grown(state.pauseMs)
    const untilMs = Math.max(failures < failureThreshold ? 0 : nowMs + pauseMs, askedUntilMs)
    this.#state = { kind: 'open', untilMs, askedUntilMs, pauseMs }
  }

  /** The try was given up (shutdown) and says nothing about the backend; another may probe. */
  abandoned(): void {
    if (this.#state.kind === 'half_open') this.#state = { ...this.#state, probing: false }
  }
}

function grown(pauseMs: number): number {
  return Math.max(pauseMs, Math.min(kGrowth * pauseMs, kMaxGrownMs))
}
