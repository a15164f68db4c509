import { tellable } from '../../lib/credentials/tellable.js'
import { readRetryAfterMs } from '../../lib/http/retry-after.js'
import type { WriteResult } from './write-in-order.js'

/** Longer waits are a server's mistake: an hour-long pause would look like a hang. */
const kMaxRetryAfterMs = 10 * 60_000

/** Of which any other request would fare the same: who sends is refused, or there is nobody who takes it. */
const anyRequestCodes: ReadonlySet<number> = new Set([401, 403, 404, 405, 407, 410, 415])

/** What Prometheus (storage/interface.go), Mimir, Thanos and VictoriaMetrics say of samples that are not newer. */
const outOfOrderText = /out[ -]of[ -]order|duplicate sample/i
const tooOldText = /out of bounds|too old|older than/i

export interface HttpAnswer {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly text: string
}

/**
 * Decides as remote write 1.0 does ("Retries & Backoff"): 5xx is tried again, 429 too; any other 4xx is final. Redirects are
 * not followed: headers hold secrets.
 *
 * @param unixMs - the time now, for a Retry-After that is a date
 * @param secrets - are taken out of what is told
 */
export function resultOf(answer: HttpAnswer, unixMs: number, secrets: Iterable<string>): WriteResult {
  const { status, text } = answer
  if (status >= 200 && status < 300) return { kind: 'delivered' }
  const details = tellable(text, secrets).trim()
  const reason = details === '' ? `HTTP ${status}` : `HTTP ${status}: ${details}`
  if (status === 429 || status >= 500) {
    const asked = readRetryAfterMs(answer.retryAfter, unixMs)
    const afterMs = asked && Math.min(asked, kMaxRetryAfterMs)
    const failed = { kind: 'retryable', reason, maybeTaken: status !== 429 } as const
    return afterMs === undefined ? failed : { ...failed, afterMs }
  }
  return {
    kind: 'permanent',
    reason: status >= 300 && status < 400 ? `${reason} (a redirect; name the final URL in endpoint)` : reason,
    anyRequest: anyRequestCodes.has(status) || status < 400,
    outOfOrder: (status === 400 || status === 409) && orderOf(text),
  }
}

function orderOf(text: string): boolean | 'too_old' {
  return tooOldText.test(text) ? 'too_old' : outOfOrderText.test(text)
}
