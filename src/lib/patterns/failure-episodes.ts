import type { UnitSignal } from './detector.js'

/** Failures closer together than this are one event, whatever the cause: nothing that is slower than a loop is faster. */
export const kMinEpisodeGapMs = 10_000

/**
 * Tells failures that are events of their own from those that only repeat one: a crash loop is one failure, and its restarts are
 * paced by systemd (RestartSec=, its back-off), not by what makes the unit fail.
 *
 * A failure continues the one before where it comes less than `kMinEpisodeGapMs` after it, and where the run that systemd had
 * started by itself in between was shorter than `kMinEpisodeGapMs` or than the wait for it. A unit that runs for an hour, fails and
 * is restarted after five minutes has an event each hour; one that dies at once after each five minutes' wait has one event.
 * Ends in order are no failures, and those of quiet times are no events.
 */
export class FailureEpisodes {
  #lastRun = ''
  #failedAtMs = Number.NEGATIVE_INFINITY
  #startedAtMs = Number.NaN
  #startedByItself = false

  /** Whether the signal tells of a failure that is an event of its own. To be called with each signal of one unit, in order. */
  take(signal: UnitSignal): boolean {
    switch (signal.kind) {
      case 'started':
      case 'restarted':
        this.#startedAtMs = signal.atMs
        this.#startedByItself = signal.kind === 'restarted' && signal.auto
        return false
      case 'failed':
        return this.#fail(signal)
      case 'restarting':
        // The second half of a failure, or all that is told of one. A clean end that is restarted (Restart=always) is by design.
        return signal.auto && !signal.how.startsWith('success') && this.#fail(signal)
      case 'stopped':
      case 'gave_up':
      case 'oom_killed':
        return false
    }
  }

  #fail({ invocationId, atMs, quiet }: UnitSignal): boolean {
    // Without an ID the time tells: both halves of a failure bear the same.
    if (invocationId !== '' ? invocationId === this.#lastRun : atMs <= this.#failedAtMs) return false
    this.#lastRun = invocationId
    const continues = this.#continues(atMs)
    this.#failedAtMs = atMs
    return !continues && quiet === undefined
  }

  #continues(atMs: number): boolean {
    if (this.#failedAtMs === Number.NEGATIVE_INFINITY) return false
    if (atMs - this.#failedAtMs < kMinEpisodeGapMs) return true
    // Started before the last failure: what began this run was not seen.
    if (!this.#startedByItself || !(this.#startedAtMs >= this.#failedAtMs)) return false
    const ranMs = atMs - this.#startedAtMs
    return ranMs < kMinEpisodeGapMs || ranMs < this.#startedAtMs - this.#failedAtMs
  }
}
