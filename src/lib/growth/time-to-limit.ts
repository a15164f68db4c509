/** How long until a limit is met, milliseconds; Infinity for never. */
export interface TimeToLimit {
  readonly likelyMs: number
  /** Between these in 19 of 20 cases, if it goes on as it did. */
  readonly earliestMs: number
  readonly latestMs: number
}

/** Two standard deviations. */
const kSpread = 2
/** Peaks to come are this much higher above the line than those seen: the highest of many is not among the last few. */
const kPeak = 1.2
/** However exact the past was, no line goes on without a bend. */
const kLeastSpread = 0.1

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
  const above = Math.max(peak - level, 0)
  const bare = Math.max(limit - level, 0)
  const likelyMs = slope > 0 ? (bare + Math.max(bare - above, 0)) / 2 / slope : Number.POSITIVE_INFINITY
  return {
    likelyMs,
    earliestMs: Math.min(
      reach(Math.max(bare - kPeak * above, 0), high, -kSpread * stray),
      likelyMs * (1 - kLeastSpread),
    ),
    latestMs: Math.max(reach(bare, low, kSpread * stray), likelyMs * (1 + kLeastSpread)),
  }
}

/** The t at which slope t - stray √t = room. */
function reach(room: number, slope: number, stray: number): number {
  if (!(slope > 0)) return Number.POSITIVE_INFINITY
  const root = (stray + Math.sqrt(stray * stray + 4 * slope * room)) / (2 * slope)
  return root * root
}
