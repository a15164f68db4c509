import { Chance } from '../patterns/random.mjs'

/** @typedef {import('./corpus.mjs').Series} Series */

// Labelled series made by chance, of the kinds that monitoring has: so that a setting is judged on more than the files that
// somebody has labelled, and the benchmark runs without them.

const kDaySeconds = 86_400
const kStart = Date.UTC(2026, 2, 3) / 1000
const kFiveMinutes = 300
const kPerDay = kDaySeconds / kFiveMinutes
/** Of all rows, for all windows of a series together: as NAB labels. */
const kWindowShare = 0.1

const hourOf = (seconds) => (seconds % kDaySeconds) / 3600
const working = (seconds) => hourOf(seconds) >= 9 && hourOf(seconds) < 18
const diurnal = (seconds) => 0.55 - 0.45 * Math.cos(((hourOf(seconds) - 4) / 24) * 2 * Math.PI)

function poisson(chance, mean) {
  if (mean > 50) return Math.max(0, Math.round(chance.normal(mean, Math.sqrt(mean))))
  const limit = Math.exp(-mean)
  let count = 0
  for (let product = chance.next(); product > limit; product *= chance.next()) count++
  return count
}

/** `count` rows apart from each other, none at the very start. */
const anywhere = (count) => (chance, rows) => {
  const found = []
  while (found.length < count) {
    const row = chance.whole(Math.floor(rows * 0.2), Math.floor(rows * 0.97))
    if (found.every((other) => Math.abs(other - row) > (0.12 * rows) / count + 60)) found.push(row)
  }
  return found.sort((a, b) => a - b)
}
const once = anywhere(1)
const never = () => []
/** The start of a working day. */
const atNine = (chance, rows) => [Math.floor((rows / kPerDay) * chance.between(0.4, 0.9)) * kPerDay + 9 * 12]

const daily =
  (odd) =>
  (row, seconds, chance, [at]) => {
    if (row >= at && row < at + 9 * 12) return odd(chance)
    return working(seconds) ? chance.between(72, 88) : chance.between(18, 22)
  }
const within = (row, anomalies, length) => anomalies.some((at) => row >= at && row < at + length)

/** [name, how many, rows, seconds between them, value of a row, rows where something goes wrong, gaps between rows] */
const families = [
  ['work days, one higher', 1, 4032, kFiveMinutes, daily((c) => c.between(155, 165)), atNine],
  ['work days, one lower', 1, 4032, kFiveMinutes, daily((c) => c.between(8, 13)), atNine],
  ['work days, one flat', 1, 4032, kFiveMinutes, daily(() => 50), atNine],
  ['work days, one off', 1, 4032, kFiveMinutes, daily((c) => c.between(18, 22)), atNine],
  [
    'spikes, then more of them',
    1,
    4032,
    kFiveMinutes,
    (row, _, c, [at]) => (c.next() < (row >= at ? 0.06 : 0.012) ? 20 : 0),
    once,
  ],
  [
    'spikes, one larger',
    1,
    4032,
    kFiveMinutes,
    (row, _, c, [at]) =>
      0.1 * c.next() + (c.next() < 0.01 ? c.between(0.6, 1.2) : 0) + (row >= at && row < at + 3 ? 2.2 : 0),
    once,
  ],
  ['always the same', 1, 4032, kFiveMinutes, () => 45, never],
  ['noise', 1, 4032, kFiveMinutes, (_row, _, c) => c.normal(20, 3), never],
  ['work days without noise', 1, 4032, kFiveMinutes, (_row, seconds) => (working(seconds) ? 80 : 20), never],
  [
    'work days with noise',
    2,
    4032,
    kFiveMinutes,
    (_row, seconds, c) => (working(seconds) ? 80 : 20) + c.between(-5, 5),
    never,
  ],
  [
    'speed of cars, a jam',
    3,
    2000,
    kFiveMinutes,
    (row, seconds, c, at) => {
      const hour = hourOf(seconds)
      const rush = (hour > 7 && hour < 9) || (hour > 16 && hour < 19)
      return Math.max(3, Math.round(c.normal(rush ? 62 : 75, 4) - (within(row, at, 25) ? 30 : 0)))
    },
    anywhere(2),
    true,
  ],
  [
    'share of busy places, a rush',
    2,
    2400,
    kFiveMinutes,
    (row, seconds, c, at) => {
      const share = 9 * diurnal(seconds) * Math.exp(c.normal(0, 0.4))
      return within(row, at, 15) ? share * 2 + 12 : share
    },
    anywhere(2),
    true,
  ],
  [
    'time of travel, hold-ups',
    2,
    2200,
    600,
    (row, seconds, c, at) =>
      200 * (1 + 0.5 * diurnal(seconds)) * Math.exp(c.normal(0, 0.25)) +
      (c.next() < 0.01 ? 400 * c.next() : 0) +
      (within(row, at, 8) ? 1600 : 0),
    anywhere(3),
    true,
  ],
  ...[3, 4, 8, 10, 15, 20, 30, 60].map((mean) => [
    `mentions, ${mean} in five minutes`,
    1,
    15_850,
    kFiveMinutes,
    (row, seconds, c, anomalies) => {
      let rate = mean * diurnal(seconds) * Math.exp(c.normal(0, 0.35))
      if (c.next() < 0.003) rate *= c.between(2, 5)
      for (const at of anomalies) if (row >= at) rate += mean * 8 * Math.exp(-(row - at) / 14)
      return poisson(c, rate)
    },
    anywhere(3),
  ]),
  ...[2.6, 4].map((times) => [
    `price, ${times} times as high`,
    3,
    1620,
    3600,
    (row, seconds, c, at) =>
      0.1 * Math.exp(c.normal(0, 0.25)) * (1 + 0.2 * diurnal(seconds)) * (within(row, at, 3) ? times : 1),
    anywhere(2),
  ]),
  ['a new level', 1, 4032, kFiveMinutes, (row, _, c, [at]) => c.normal(row >= at ? 35 : 30, 2), once],
  ['more noise', 1, 4032, kFiveMinutes, (row, _, c, [at]) => c.normal(30, row >= at ? 5 : 2), once],
  [
    'a job each day, left out once',
    1,
    4032,
    kFiveMinutes,
    (row, _, c, [at]) => c.normal(row % kPerDay === 150 && Math.abs(row - at) > 200 ? 1.5 : 0.1, 0.02),
    atNine,
  ],
]

/** @param {number} seed @returns {Series[]} */
export function makeCorpus(seed = 1) {
  const all = []
  for (const [name, count, rows, step, value, where, gaps = false] of families)
    for (let n = 0; n < count; n++)
      all.push(make(name, new Chance(seed * 7919 + all.length), rows, step, value, where, gaps))
  return all
}

function make(name, chance, rows, step, value, where, gaps) {
  const seconds = new Float64Array(rows)
  const values = new Float64Array(rows)
  const anomalies = where(chance, rows)
  let at = kStart
  for (let row = 0; row < rows; row++) {
    seconds[row] = at
    values[row] = value(row, at, chance, anomalies)
    at += step * (gaps && chance.next() < 0.2 ? chance.whole(1, 4) : 1)
  }
  const half = Math.floor((kWindowShare * rows) / Math.max(anomalies.length, 1) / 2)
  const windows = anomalies.map((row) => [Math.max(0, row - half), Math.min(rows - 1, row + half)])
  return { name, seconds, values, windows }
}
