import { isSpan } from '../storage/saved-values.js'

/** Of counters of the kernel: 64 bits. */
const kMaxAmount = 2 ** 63
/** 32 times 1440 hours. */
const kMaxDurationMs = 32 * 1440 * 3_600_000
/** A trace ID. */
const kRun = /^[0-9a-f]{32}$/

/** @throws Error that says what of a growth is not as `save` has it */
export function need(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(`a growth with ${what} that cannot be`)
}

/** What is measured, or the difference of two of those: bytes, tasks. */
export function isAmount(value: unknown): value is number {
  return Number.isFinite(value) && Math.abs(value as number) <= kMaxAmount
}

/** Of a growth: 32 of the widest windows there can be. */
export function isDuration(ms: unknown): ms is number {
  return isSpan(ms) && ms <= kMaxDurationMs
}

/** Empty where nobody knows. */
export function isRun(run: unknown): run is string {
  return run === '' || (typeof run === 'string' && kRun.test(run))
}
