/**
 * Times and numbers of a state file, which may come from anywhere. Steady time begins anew with the agent, so times are kept as microseconds since
 * 1970: all that belong together by one offset, so that what was so far apart stays so far apart, whatever the clock did meanwhile.
 */
export interface SavedTimes {
  /** Steady milliseconds to microseconds since 1970. */
  usec(atMs: number): number
}

export interface ReadTimes {
  /** The way back. @throws where it is no time, or one after the newest of those that belong together */
  ms(usec: number): number
}

export interface ReadExpectedTimes extends ReadTimes {
  /** The same of what is expected. @throws where it is no time, or one more than ten years after the newest */
  laterMs(usec: number): number
}

/** What the two times have to do with each other, as the host of a detector knows. */
export interface Clocks {
  unixNano(atMs: number): bigint
  steadyMs(unixNano: bigint): number
}

/** Records come so much late, and are the newest all the same. */
const kMaxAheadUsec = 3_600_000_000
/** Ten years. */
export const kMaxPeriodMs = 10 * 366 * 86_400_000

/** @param newestMs - of those that belong together */
export function savedTimes(clocks: Clocks, newestMs: number): SavedTimes {
  const offsetUsec = Number(clocks.unixNano(newestMs) / 1000n) - newestMs * 1000
  return { usec: (atMs) => Math.round(atMs * 1000 + offsetUsec) }
}

/** @throws where `newestUsec` is no time */
export function readTimes(clocks: Clocks, newestUsec: number): ReadExpectedTimes {
  if (!isCount(newestUsec)) throw new Error('a time that cannot be')
  const offsetMs = clocks.steadyMs(BigInt(newestUsec) * 1000n) - newestUsec / 1000
  const ms = (usec: number, aheadUsec: number): number => {
    if (!isCount(usec) || usec > newestUsec + aheadUsec) throw new Error('a time that cannot be')
    return usec / 1000 + offsetMs
  }
  return { ms: (usec) => ms(usec, kMaxAheadUsec), laterMs: (usec) => ms(usec, kMaxPeriodMs * 1000) }
}

/** Whether no number is less than the one before it. */
export function isAscending(numbers: readonly number[]): boolean {
  return numbers.every((one, at) => at === 0 || one >= numbers[at - 1]!)
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

export function isShare(value: unknown): value is number {
  return isSpan(value) && value <= 1
}

/** A length of time, or another number that is not less than nothing. */
export function isSpan(value: unknown): value is number {
  return Number.isFinite(value) && (value as number) >= 0
}
