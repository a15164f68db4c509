import { amount } from '../lib/amount.mjs'
import { product } from '../lib/product.mjs'
import { RandomCutForest } from '../nab/random-cut-forest.mjs'
import { HalfSpaceTrees } from '../vectors/half-space-trees.mjs'
import { families, healthy, kPerDay, kSeries, wrongOnes } from '../vectors/stories.mjs'

const healthyOf = { whole: 44, quick: 2, once: 1 }
const treesOf = { whole: 30, once: 1 }
const wrongOf = { whole: 20, quick: 2, once: 1 }
/** Everything is new in the first week: it is not counted. */
const kFrom = 7 * kPerDay
/** What may come of a healthy unit in a week; the threshold of each way is the lowest that keeps it. */
const kRate = 0.1
/** Samples in which a score must be reached: one alone is a spike. */
const kGoesOn = 3
/** After an alarm there is no other for so many. */
const kHold = 100

/** The least of the last few: what goes on. */
function lasting(scores) {
  return scores.map((_, row) => Math.min(...scores.slice(Math.max(0, row - kGoesOn + 1), row + 1)))
}

function alarms(scores, threshold) {
  let count = 0
  let from = kFrom
  for (let row = kFrom; row < scores.length; row++) {
    if (row < from || scores[row] <= threshold) continue
    count++
    from = row + 1 + kHold
  }
  return count
}

/** @param {readonly (readonly number[])[]} units */
function thresholdOf(units) {
  const weeks = units.reduce((sum, scores) => sum + (scores.length - kFrom) / (7 * kPerDay), 0)
  const sorted = units.flatMap((scores) => scores.slice(kFrom)).sort((a, b) => b - a)
  const isTooLow = (threshold) => units.reduce((sum, scores) => sum + alarms(scores, threshold), 0) > kRate * weeks
  // The higher the fewer, but for the pauses after alarms: the first that is too low ends it.
  let last = 0
  for (let at = 0; at < sorted.length && !isTooLow(sorted[at]); at = Math.max(at + 1, Math.floor(at * 1.05))) last = at
  return sorted[last]
}

function measure(start, bytes, options) {
  const scoresOf = ({ rows }) => {
    const score = start()
    return lasting(rows.map(score))
  }
  const healthyUnits = healthy(amount(options, healthyOf))
  const before = process.cpuUsage()
  const scored = healthyUnits.map(scoresOf)
  const { user, system } = process.cpuUsage(before)
  const threshold = thresholdOf(scored)
  const found = families.map((family) => {
    const stories = wrongOnes(family, amount(options, wrongOf))
    const isFound = (story) =>
      scoresOf(story)
        .slice(story.from)
        .some((score) => score > threshold)
    return [family.id, stories.filter(isFound).length / stories.length]
  })
  const rows = healthyUnits.reduce((sum, unit) => sum + unit.rows.length, 0)
  return { ...Object.fromEntries(found), us: (user + system) / rows, bytes }
}

const shape = { daySlots: 24, bins: 24, slotMemory: 84, isSmall: true }

/** Scores of the processor's own parts. @param {(surprises: readonly number[], together: number) => number} combine */
function own({ SeriesBank, SeriesTogether }, combine) {
  const bytes = kSeries * SeriesBank.bytes(shape)
  return () => {
    const block = new ArrayBuffer(bytes + SeriesTogether.bytes(kSeries, shape.bins))
    const bank = new SeriesBank(kSeries, shape, block)
    bank.clear()
    const together = new SeriesTogether(kSeries, shape.bins, block, bytes)
    const deviations = new Float64Array(kSeries)
    const surprises = new Array(kSeries).fill(0)
    return (values, row) => {
      for (let series = 0; series < kSeries; series++)
        deviations[series] = row === 0 ? Number.NaN : values[series] - bank.level(series)
      together.update(deviations)
      for (let series = 0; series < kSeries; series++) {
        bank.update(series, values[series], row * 300)
        surprises[series] = bank.surprise
      }
      return combine(surprises, together.surprise)
    }
  }
}

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'anomaly-units',
  question: 'Does a score over all series of a unit find more than its most surprising series does?',
  notes:
    'Units as vectors of five series (`bench/vectors/stories.mjs`), seeded: three weeks of healthy ones, of which the first does not count, and stories in which something ' +
    `is wrong for three hours. Each way's threshold is the lowest at which healthy units are told of ${kRate} times a week, where a score must last for three samples. ` +
    'unitscope: the more surprising of the most surprising series and of how series go together. "added up" is the sum of the -log p of all series, as Fisher does (1925). ' +
    'Half-space trees: 25 of depth 8, windows of a day; the forest has 30 trees of 512 points.',
  figures: {
    ...Object.fromEntries(families.map(({ id, title }) => [id, { title }])),
    us: { title: 'CPU us per sample of all series', ratio: true },
    bytes: { title: 'bytes per unit' },
  },
  rounds: 1,
  warmUps: 0,
  async setUp() {
    const { SeriesBank } = await product('lib/anomaly/series-bank.js')
    const { SeriesTogether } = await product('lib/anomaly/series-together.js')
    const bank = kSeries * SeriesBank.bytes(shape)
    return { parts: { SeriesBank, SeriesTogether }, bank, together: SeriesTogether.bytes(kSeries, shape.bins) }
  },
  ways: [
    {
      name: 'unitscope',
      run: ({ parts, bank, together }, options) =>
        measure(
          own(parts, (surprises, one) => Math.max(...surprises, one)),
          bank + together,
          options,
        ),
    },
    {
      name: 'the most surprising series',
      run: ({ parts, bank }, options) =>
        measure(
          own(parts, (surprises) => Math.max(...surprises)),
          bank,
          options,
        ),
    },
    {
      name: 'surprises added up',
      run: ({ parts, bank }, options) =>
        measure(
          own(parts, (surprises) => surprises.reduce((sum, one) => sum + one, 0)),
          bank,
          options,
        ),
    },
    {
      name: 'half-space trees',
      run: (_, options) =>
        measure(
          () => {
            const trees = new HalfSpaceTrees(kSeries)
            return (values) => trees.add(values)
          },
          HalfSpaceTrees.bytes,
          options,
        ),
    },
    {
      name: 'random cut forest',
      run: (_, options) =>
        measure(
          () => {
            const forest = new RandomCutForest(1, amount(options, treesOf))
            return (values) => forest.add(values)
          },
          RandomCutForest.bytesOf(kSeries),
          options,
        ),
    },
  ],
  gates: [
    { figure: 'apart', way: 'unitscope', atLeast: 0.8 },
    { figure: 'one', way: 'unitscope', atLeast: 0.7 },
    { figure: 'us', way: 'unitscope', atMost: 25 },
  ],
}
