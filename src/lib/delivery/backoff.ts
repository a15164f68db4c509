/** Exponential back-off: initial, initial x multiplier, ... up to max, each spread by jitter. */
export interface BackoffPolicy {
  readonly initialMs: number
  readonly maxMs: number
  readonly multiplier: number
  /** 0.5 spreads a delay over 50 % to 150 % of itself, so a fleet does not return in step. */
  readonly jitter: number
}

/**
 * The wait before try `failures + 1`, in milliseconds.
 *
 * @param failures - failures so far, at least 1
 * @param random - uniform in [0, 1)
 */
export function backoffMs(policy: BackoffPolicy, failures: number, random: () => number): number {
  // The exponent is capped where any sane multiplier has long passed maxMs: 1.5^64 is 10^11.
  const base = Math.min(policy.initialMs * policy.multiplier ** Math.min(failures - 1, 64), policy.maxMs)
  return Math.min(base * (1 - policy.jitter + 2 * policy.jitter * random()), policy.maxMs)
}
