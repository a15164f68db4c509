import { amount } from '../lib/amount.mjs'
import { detectionsOf, loadDetectors, scoresOf } from './detectors.mjs'
import { judge, profiles, score } from './score.mjs'

/** @typedef {import('./corpus.mjs').Series} Series */

/** With `--quick`: only so many series, of those with most to find. */
const seriesOf = { whole: Number.POSITIVE_INFINITY, quick: 2, once: 1 }
const kQuickRows = 1500
/** Thresholds that are tried for the best: quantiles of the scores, closer to each other towards the largest. */
const kTried = Array.from({ length: 120 }, (_, n) => 1 - 0.5 * 0.93 ** n)
/** Scores are the same in each. */
const kRounds = 1

/**
 * Both cases of detectors of single series, which differ in the series.
 *
 * @param {(options: import('../lib/case.d.mts').RunOptions) => readonly Series[]} load
 * @returns {Pick<import('../lib/case.d.mts').Case<any, any>, 'figures' | 'rounds' | 'setUp' | 'ways'>}
 */
export function seriesCase(load) {
  return {
    figures: {
      standard: { title: 'standard score' },
      lowFp: { title: 'low-FP' },
      lowFn: { title: 'low-FN' },
      best: { title: 'standard at the best threshold' },
      falseAlarms: { title: 'false alarms' },
      missed: { title: 'windows missed' },
      us: { title: 'CPU us per sample', ratio: true },
      bytes: { title: 'bytes per series' },
    },
    rounds: kRounds,
    setUp: async (_point, options) => {
      const detectors = await loadDetectors()
      return { detectors: new Map(detectors.map((one) => [one.name, one])), corpus: load(options) }
    },
    ways: ['unitscope', 'windowed Gaussian', 'random cut forest'].map((name) => ({
      name,
      run: ({ detectors, corpus }, options) =>
        measure(detectors.get(name), options.quick ? shortened(corpus, options) : corpus),
    })),
  }
}

/** @param {readonly Series[]} corpus @param {import('../lib/case.d.mts').RunOptions} options */
function shortened(corpus, options) {
  return corpus
    .filter(({ windows }) => windows.length > 0 && windows.at(-1)[1] < kQuickRows)
    .slice(0, amount(options, seriesOf))
    .map((series) => ({ ...series, values: series.values.slice(0, kQuickRows) }))
}

/** @param {import('./detectors.mjs').Detector} detector @param {readonly Series[]} corpus */
function measure(detector, corpus) {
  const rows = corpus.reduce((sum, { values }) => sum + values.length, 0)
  const before = process.cpuUsage()
  const scores = corpus.map((series) => scoresOf(detector, series))
  const { user, system } = process.cpuUsage(before)
  const judgeAll = (threshold) =>
    corpus.map((series, n) => {
      const detections = detectionsOf(scores[n], threshold)
      return judge(series, (row) => detections[row])
    })
  const judged = judgeAll(detector.threshold)
  const sorted = Float64Array.from(scores.flatMap((each) => [...each])).sort()
  const tried = new Set(kTried.map((share) => sorted[Math.floor(share * (sorted.length - 1))]))
  return {
    standard: score(judged, profiles.standard),
    lowFp: score(judged, profiles.lowFp),
    lowFn: score(judged, profiles.lowFn),
    best: Math.max(...[...tried, detector.threshold].map((threshold) => score(judgeAll(threshold), profiles.standard))),
    falseAlarms: judged.reduce((sum, { falseAlarms }) => sum + falseAlarms, 0),
    missed: judged.reduce((sum, { missed }) => sum + missed, 0),
    us: (user + system) / rows,
    bytes: detector.bytes,
  }
}

/** What they are held to: the product's cost and, where there is a bar, its score. */
export const costGates = [
  { figure: 'us', way: 'unitscope', atMost: 5 },
  { figure: 'bytes', way: 'unitscope', atMost: 4096 },
]

export const howScored =
  'Scored as NAB does (`bench/nab/score.mjs`): 100 is every window at its left edge and nothing else, 0 is nothing at all. Each detector has one fixed ' +
  'threshold for all series, sees rows in order, and tells nothing for 100 rows after a detection. The thresholds of the baselines are those that ' +
  'score best on the series made by chance; what each scores at the threshold best for the very series it is scored on stands beside it, as published scores do. ' +
  '`node bench/nab/look.mjs` shows the detections of each series.'
