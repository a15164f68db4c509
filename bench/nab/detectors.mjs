import { product } from '../lib/product.mjs'
import { RandomCutForest } from './random-cut-forest.mjs'
import { WindowedGaussian } from './windowed-gaussian.mjs'

/** After a detection, as ours: there is no other for so many rows. Without it each baseline is worse by tens of points. */
const kHoldRows = 100

/**
 * Ours, and what it stands beside. `threshold` is the one fixed setting for all series: the product's own; for the baselines the
 * one that scores best on the series that are made by chance.
 *
 * @typedef {object} Detector
 * @property {string} name
 * @property {number} bytes  of state for each series
 * @property {number} threshold
 * @property {() => {update(value: number, seconds: number): number}} start  a series' own: scores without bounds
 */

/** @returns {Promise<readonly Detector[]>} */
export async function loadDetectors() {
  const { kAlarmSurprise, SeriesBank, fullShape } = await product('lib/anomaly/series-bank.js')
  return [
    {
      name: 'unitscope',
      bytes: SeriesBank.bytes(fullShape),
      threshold: kAlarmSurprise,
      start: () => new Own(SeriesBank),
    },
    { name: 'windowed Gaussian', bytes: WindowedGaussian.bytes, threshold: 6.7, start: () => new WindowedGaussian() },
    { name: 'random cut forest', bytes: RandomCutForest.bytes, threshold: 115, start: () => new RandomCutForest() },
  ]
}

class Own {
  #bank

  constructor(SeriesBank) {
    this.#bank = new SeriesBank(1)
  }

  update(value, seconds) {
    this.#bank.update(0, value, seconds)
    return this.#bank.surprise
  }
}

/** Each row's score, seen in order. @param {Detector} detector @param {import('./corpus.mjs').Series} series */
export function scoresOf({ start }, { values, seconds }) {
  const detector = start()
  return Float64Array.from(values, (value, row) => detector.update(value, seconds[row]))
}

/** Rows at or over the threshold, and none in the wake of another. @param {Float64Array} scores @param {number} threshold */
export function detectionsOf(scores, threshold) {
  let from = 0
  return Array.from(scores, (score, row) => {
    if (row < from || score < threshold) return false
    from = row + 1 + kHoldRows
    return true
  })
}
