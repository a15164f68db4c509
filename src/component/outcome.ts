/**
 * What became of a delivery: a value, not a throw. `consume` rejects only on bugs.
 * `retryable` leaves the batch with the caller, who may offer it again; `permanent` means it must not.
 */
export type Outcome =
  | { readonly kind: 'ok' }
  | { readonly kind: 'retryable'; readonly reason: string; readonly afterMs?: number }
  | { readonly kind: 'permanent'; readonly reason: string }

export const ok: Outcome = Object.freeze({ kind: 'ok' })

export function retryable(reason: string, afterMs?: number): Outcome {
  return afterMs === undefined ? { kind: 'retryable', reason } : { kind: 'retryable', reason, afterMs }
}

export function permanent(reason: string): Outcome {
  return { kind: 'permanent', reason }
}

/** The worst of several: permanent if one is permanent and none retryable; retryable asks for the longest wait. */
export function worstOf(outcomes: readonly Outcome[]): Outcome {
  let worst: Outcome = ok
  for (const outcome of outcomes) {
    if (outcome.kind === 'ok') continue
    if (worst.kind === 'ok' || (worst.kind === 'permanent' && outcome.kind === 'retryable')) worst = outcome
    else if (
      worst.kind === 'retryable' &&
      outcome.kind === 'retryable' &&
      (outcome.afterMs ?? 0) > (worst.afterMs ?? 0)
    )
      worst = outcome
  }
  return worst
}
