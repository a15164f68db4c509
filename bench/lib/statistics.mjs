/** @typedef {import('./case.d.mts').Spread} Spread */
/** @typedef {import('./case.d.mts').Gate} Gate */
/** @typedef {import('./case.d.mts').Verdict} Verdict */
/** @typedef {import('./case.d.mts').Row} Row */

/** Four digits: more would be noise, and make every line of the history longer. */
const rounded = (value) => Number(value.toPrecision(4))

/**
 * @param {readonly number[]} values at least one
 * @returns {Spread}
 */
export function spreadOf(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  return { median: rounded(median), min: rounded(sorted[0]), max: rounded(sorted.at(-1)) }
}

/**
 * The value at a share of the way through.
 *
 * @param {readonly number[] | Float64Array} sorted ascending, at least one
 * @param {number} share 0 to 1
 */
export function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? sorted[0]
}

/**
 * What y grows by per x: the median of the slopes of all pairs (Theil-Sen), which a sample in the middle of a collection, or a
 * quarter of them, does not move.
 *
 * @param {readonly {x: number, y: number}[]} samples at least two, each later than the one before
 */
export function slopeOf(samples) {
  const slopes = new Float64Array((samples.length * (samples.length - 1)) / 2)
  let n = 0
  for (const [i, later] of samples.entries())
    for (let j = 0; j < i; j++) slopes[n++] = (later.y - samples[j].y) / (later.x - samples[j].x)
  return quantile(slopes.sort(), 0.5)
}

/**
 * Holds a gate against the rows of a run.
 *
 * @param {Gate} gate
 * @param {readonly Row[]} rows
 * @returns {Verdict}
 */
export function judge(gate, rows) {
  const median = (way) =>
    rows.find((row) => row.way === way && row.point === (gate.point ?? row.point))?.figures[gate.figure]?.median
  const of = median(gate.way)
  const over = gate.over === undefined ? 1 : median(gate.over)
  if (of === undefined || over === undefined || over === 0) return { ...gate, outcome: 'not measured' }
  const value = rounded(of / over)
  const within = (limit) => (gate.atMost === undefined ? value >= limit : value <= limit)
  if (!within(gate.atMost ?? gate.atLeast)) return { ...gate, value, outcome: 'missed' }
  return { ...gate, value, outcome: gate.aim !== undefined && within(gate.aim) ? 'aim' : 'met' }
}

/**
 * A gate in words: `at most 3 CPU us per signal (aim 2), unitscope at 10 k/s`.
 *
 * @param {Gate} gate
 * @param {Readonly<Record<string, import('./case.d.mts').Figure>>} figures
 */
export function describeGate(gate, figures) {
  const limit = `${gate.atMost === undefined ? 'at least' : 'at most'} ${gate.atMost ?? gate.atLeast}`
  const aim = gate.aim === undefined ? '' : ` (aim ${gate.aim})`
  const what = gate.over === undefined ? gate.way : `${gate.way} / ${gate.over}`
  const place = gate.point === undefined ? '' : `, ${gate.point}`
  return `${figures[gate.figure]?.title ?? gate.figure}, ${what}${place}: ${limit}${aim}`
}
