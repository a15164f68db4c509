/** How NAB scores detections (Lavin and Ahmad 2015, arXiv:1510.03336), in three profiles of what people mind. */

/** @typedef {import('./corpus.mjs').Series} Series */
/** @typedef {{hit: number, falseAlarm: number, miss: number}} Profile */

/** @type {Readonly<Record<'standard' | 'lowFp' | 'lowFn', Profile>>} */
export const profiles = {
  standard: { hit: 1, falseAlarm: 0.11, miss: 1 },
  lowFp: { hit: 1, falseAlarm: 0.22, miss: 1 },
  lowFn: { hit: 1, falseAlarm: 0.11, miss: 2 },
}

/** Rows at the start that are not scored. @param {number} rows */
export const probation = (rows) => Math.min(Math.floor(0.15 * rows), 750)

/** From 1 far before the end of a window over 0 at its end to -1; -1 beyond three widths. */
const worth = (position) => (position > 3 ? -1 : 2 / (1 + Math.exp(5 * position)) - 1)

/**
 * What the detections of one series are worth, before weights: each window's earliest one (1 at its left edge), and the sum of those
 * outside (-1 where no window was near before).
 *
 * @param {Series} series
 * @param {(row: number) => boolean} detected
 */
export function judge({ values, windows }, detected) {
  const hits = windows.map(() => 0)
  const seen = windows.map(() => false)
  let outside = 0
  let falseAlarms = 0
  for (let row = probation(values.length); row < values.length; row++) {
    if (!detected(row)) continue
    const inside = windows.findIndex(([first, last]) => row >= first && row <= last)
    if (inside >= 0) {
      if (seen[inside]) continue
      seen[inside] = true
      const [first, last] = windows[inside]
      hits[inside] = worth(-(last - row + 1) / (last - first + 1)) / worth(-1)
      continue
    }
    falseAlarms++
    const before = windows.findLast(([, last]) => last < row)
    outside += before === undefined ? -1 : worth((row - before[1]) / (before[1] - before[0]))
  }
  return { hits, missed: seen.filter((one) => !one).length, falseAlarms, outside }
}

/**
 * 100 where every window is detected at its left edge and nothing else is, 0 where nothing is.
 *
 * @param {readonly ReturnType<typeof judge>[]} judged
 * @param {Profile} profile
 */
export function score(judged, { hit, falseAlarm, miss }) {
  let raw = 0
  let windows = 0
  for (const { hits, missed, outside } of judged) {
    raw += hit * hits.reduce((sum, one) => sum + one, 0) + falseAlarm * outside - miss * missed
    windows += hits.length
  }
  return (100 * (raw + miss * windows)) / ((hit + miss) * windows)
}
