/** How long until a limit is met, milliseconds; Infinity for never. */
export interface TimeToLimit {
  readonly likelyMs: number
  /** Between these in 19 of 20 cases, if it goes on as it did. */
  readonly earliestMs: number
  readonly latestMs: number
}

/** Two standard deviations. */
const kSpread = 2

/** What grows, in units per millisecond, and by how much it strays from its line in a millisecond. */
export interface Pace {
  readonly slope: number
  readonly low: number
  readonly high: number
  readonly stray: number
}

/**
 * When a line meets a limit. The earliest is of the steepest line that fits and of the peaks above it; the latest of the flattest
 * and of the line itself: a collector that is pressed takes its peaks back.
 *
 * @param level - of the line now
 * @param peak - the greatest values now
 */
export function timeToLimit(
  { slope, low, high, stray }: Pace,
  level: number,
  peak: number,
  limit: number,
): TimeToLimit {
  const room = Math.max(limit - Math.max(level, peak), 0)
  const bare = Math.max(limit - level, 0)
  return {
    likelyMs: slope > 0 ? (room + bare) / 2 / slope : Number.POSITIVE_INFINITY,
    earliestMs: reach(room, high, -kSpread * stray),
    latestMs: reach(bare, low, kSpread * stray),
  }
}

/** The t at which slope t - stray √t = room. */
function reach(room: number, slope: number, stray: number): number {
  if (!(slope > 0)) return Number.POSITIVE_INFINITY
  const root = (stray + Math.sqrt(stray * stray + 4 * slope * room)) / (2 * slope)
  return root * root
}
