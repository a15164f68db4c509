/**
 * What a state file may hold of a growth. Steady time begins anew with the agent, so times are kept as microseconds since 1970: all
 * of one series by one offset, so that what was so far apart stays so far apart, whatever the clock did meanwhile.
 */
export interface SavedTimes {
  /** Steady milliseconds to microseconds since 1970. */
  usec(atMs: number): number
}

export interface ReadTimes {
  /** The way back. @throws where it is no time, or one after the newest of the series */
  ms(usec: number): number
}

/** What the two times have to do with each other, as the host of a detector knows. */
export interface Clocks {
  unixNano(atMs: number): bigint
  steadyMs(unixNano: bigint): number
}

/** Records come so much late, and are the newest all the same. */
const kMaxAheadUsec = 3_600_000_000
/** Of counters of the kernel: 64 bits. */
const kMaxAmount = 2 ** 63
/** 32 times 1440 hours. */
const kMaxDurationMs = 32 * 1440 * 3_600_000
/** A trace ID. */
const kRun = /^[0-9a-f]{32}$/

/** @param newestMs - of the series */
export function savedTimes(clocks: Clocks, newestMs: number): SavedTimes {
  const offsetUsec = Number(clocks.unixNano(newestMs) / 1000n) - newestMs * 1000
  return { usec: (atMs) => Math.round(atMs * 1000 + offsetUsec) }
}

/** @throws where `newestUsec` is no time */
export function readTimes(clocks: Clocks, newestUsec: number): ReadTimes {
  if (!isCount(newestUsec)) throw new Error('a time that cannot be')
  const offsetMs = clocks.steadyMs(BigInt(newestUsec) * 1000n) - newestUsec / 1000
  return {
    ms(usec) {
      if (!isCount(usec) || usec > newestUsec + kMaxAheadUsec) throw new Error('a time that cannot be')
      return usec / 1000 + offsetMs
    },
  }
}

/** @throws Error that says what of a growth is not as `save` has it */
export function need(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(`a growth with ${what} that cannot be`)
}

/** What is measured, or the difference of two of those: bytes, tasks. */
export function isAmount(value: unknown): value is number {
  return Number.isFinite(value) && Math.abs(value as number) <= kMaxAmount
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

export function isShare(value: unknown): value is number {
  return Number.isFinite(value) && (value as number) >= 0 && (value as number) <= 1
}

/** Of a growth: 32 of the widest windows there can be. */
export function isDuration(ms: unknown): ms is number {
  return isSpan(ms) && ms <= kMaxDurationMs
}

export function isSpan(ms: unknown): ms is number {
  return Number.isFinite(ms) && (ms as number) >= 0
}

/** Empty where nobody knows. */
export function isRun(run: unknown): run is string {
  return run === '' || (typeof run === 'string' && kRun.test(run))
}
