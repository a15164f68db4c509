import type { Items } from '../../data/batch.js'
import { assertNever } from '../../util/assert-never.js'
import type { Clock } from '../../util/clock.js'
import { type BackoffPolicy, backoffMs } from './backoff.js'
import type { Parcel } from './bounded-queue.js'
import type { CircuitBreaker } from './circuit-breaker.js'
import type { InHand } from './in-hand.js'

/**
 * What one try came to. `delivered` with `rejected` items: the server took the rest (OTLP partial success); where a
 * parcel holds several signals, by signal. `permanent`
 * with `anyRequest`: any other request would fare the same, for it is the sender that is refused, or a whole service.
 */
export type SendResult =
  | { readonly kind: 'delivered'; readonly rejected?: number | Items; readonly message?: string }
  | { readonly kind: 'retryable'; readonly reason: string; readonly afterMs?: number }
  | { readonly kind: 'permanent'; readonly reason: string; readonly anyRequest?: boolean }

/** One try. Must settle soon after `signal` aborts, and not reject but on bugs. */
export type Send<P extends Parcel> = (parcel: P, signal: AbortSignal) => Promise<SendResult>

export interface RetryPolicy extends BackoffPolicy {
  /** Time from the first try to giving up, in milliseconds; 0: never. */
  readonly maxElapsedMs: number
  /** Tries after the first one; 0 or left out: as many as it takes. */
  readonly maxRetries?: number
}

/** What became of a parcel in the end. */
export type Fate =
  | { readonly kind: 'delivered'; readonly rejected: number | Items; readonly message: string }
  | { readonly kind: 'permanent'; readonly reason: string; readonly anyRequest?: boolean }
  | { readonly kind: 'retry_exhausted'; readonly reason: string }
  | { readonly kind: 'aborted' }

export interface SenderSettings<P extends Parcel> {
  readonly send: Send<P>
  readonly retry: RetryPolicy
  readonly breaker: CircuitBreaker
  readonly clock: Clock
  readonly random: () => number
  /** Told of each failed try that will be repeated, and in how many milliseconds at the earliest. */
  readonly onRetry: (reason: string, waitMs: number) => void
}

/** Tries until the parcel is delivered, refused for good, too old, or taken away. */
export async function deliver<P extends Parcel>(
  hand: InHand<P>,
  { send, retry, breaker, clock, random, onRetry }: SenderSettings<P>,
): Promise<Fate> {
  const { parcel, signal } = hand
  const startMs = clock.monotonicMs()
  let lastReason = 'the circuit breaker is open'
  for (let failures = 0; ; ) {
    const leftMs =
      retry.maxElapsedMs === 0 ? Number.POSITIVE_INFINITY : startMs + retry.maxElapsedMs - clock.monotonicMs()
    if (leftMs <= 0) return { kind: 'retry_exhausted', reason: lastReason }
    const closedForMs = breaker.admit()
    if (closedForMs > 0) {
      if (!(await hand.wait(Math.min(closedForMs, leftMs)))) return { kind: 'aborted' }
      continue
    }
    const result = await send(parcel, signal)
    if (signal.aborted && result.kind === 'retryable') {
      breaker.abandoned()
      return { kind: 'aborted' }
    }
    switch (result.kind) {
      case 'delivered':
        breaker.succeeded()
        return { kind: 'delivered', rejected: result.rejected ?? 0, message: result.message ?? '' }
      case 'permanent':
        breaker.succeeded()
        return result
      case 'retryable': {
        failures++
        lastReason = result.reason
        breaker.failed(result.afterMs)
        if (failures > (retry.maxRetries || Number.POSITIVE_INFINITY))
          return { kind: 'retry_exhausted', reason: lastReason }
        const waitMs = Math.max(backoffMs(retry, failures, random), result.afterMs ?? 0)
        if (clock.monotonicMs() - startMs + waitMs > retry.maxElapsedMs && retry.maxElapsedMs !== 0)
          return { kind: 'retry_exhausted', reason: lastReason }
        onRetry(result.reason, waitMs)
        if (!(await hand.wait(waitMs))) return { kind: 'aborted' }
        break
      }
      default:
        assertNever(result)
    }
  }
}
